//! Finds filters that are never called because the name of their hook is mistyped.

use super::Manifest;
use super::hooks::HOST_HOOKS;

/// The most letters by which a mistyped name differs from the right one.
const SLIPS: usize = 2;

/// Warnings for the author at load: a guard that is never called lets everything through.
pub fn doubts(manifest: &Manifest) -> Vec<String> {
    let mistyped = manifest.filters.iter().filter_map(|filter| {
        let meant = mistyped(manifest, &filter.hook)?;
        let hook = &filter.hook;
        Some(format!(
            "the filter of `{hook}` is never called: there is no such hook; did you mean `{meant}`?"
        ))
    });
    mistyped.collect()
}

/// The hook that was probably meant by a name that no hook has. Hooks of drivers and other plugins may come
/// later.
pub fn mistyped<'m>(manifest: &'m Manifest, hook: &str) -> Option<&'m str> {
    let own = manifest.hooks.iter().map(|one| one.name.as_str());
    let (near, meant) = HOST_HOOKS
        .into_iter()
        .chain(own)
        .map(|known| (strsim::levenshtein(known, hook), known))
        .min_by_key(|(near, _)| *near)?;
    let is_mistyped = near > 0 && (near <= SLIPS || is_of_host(hook));
    is_mistyped.then_some(meant)
}

/// Whether the hook is one of the host's own.
pub fn is_of_host(hook: &str) -> bool {
    short_name(hook).is_some()
}

/// `action.requested` of `org.moothall.action.requested.v1`, if it is one of the host's own.
pub fn short_name(hook: &str) -> Option<&str> {
    hook.strip_prefix("org.moothall.")?.strip_suffix(".v1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn doubted(hook: &str) -> Vec<String> {
        let manifest = json!({
            "name": "guard",
            "hooks": [{ "name": "org.example.vote.cast.v1" }],
            "filters": [{ "hook": hook }],
        });
        doubts(&Manifest::parse(&manifest.to_string()).expect("a good manifest"))
    }

    #[test]
    fn a_mistyped_hook_is_told_with_the_one_that_is_meant() {
        for good in [
            "org.moothall.action.requested.v1",
            "org.example.vote.cast.v1",
            "org.example.vote.counted.v1",
        ] {
            assert_eq!(doubted(good), [""; 0], "{good}");
        }
        for (bad, meant) in [
            ("org.moothall.action.requestd.v1", "`org.moothall.action.requested.v1`"),
            ("org.moothall.process.started.v1", "`org.moothall.process.starting.v1`"),
            ("org.moothal.action.requested.v1", "`org.moothall.action.requested.v1`"),
            ("org.example.vote.casts.v1", "`org.example.vote.cast.v1`"),
        ] {
            let doubts = doubted(bad);
            assert!(doubts.len() == 1 && doubts[0].contains(meant), "{bad}: {doubts:?}");
        }
    }
}
