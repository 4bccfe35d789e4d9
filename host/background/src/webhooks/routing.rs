//! Whom a platform-wide webhook is for, as its plugin says: checked while it still is the plugin's call, so that a
//! target which can reach nobody is a failed call and not silence.

use moothall_core::config::nearest;
use moothall_core::web::Target;
use moothall_engine::plugins::Manifest;
use moothall_guest::{Fault, Output};

/// Instances that one platform-wide request may be for.
pub const TARGETS: usize = 1_000;

/// Whether each target is one that the manifest routes by.
pub fn check(manifest: &Manifest, output: &Output) -> Result<(), Fault> {
    let Output::Routed(routed) = output else { return Ok(()) };
    if routed.targets.len() > TARGETS {
        return Err(Fault::Limit(format!("{TARGETS} targets of a platform-wide webhook")));
    }
    routed.targets.iter().try_for_each(|target| leads(manifest, target)).map_err(Fault::BadOutput)
}

fn leads(manifest: &Manifest, target: &Target) -> Result<(), String> {
    let keys = &manifest.route_keys;
    match target {
        Target::PlatformId(_) if manifest.community_platform_id_key.is_none() => Err(
            "the plugin's receive-global routes by community_platform_id, and its manifest has no community_platform_id_key: no instance has one"
                .to_owned(),
        ),
        Target::RouteKey { pointer, .. } if !keys.contains(pointer) => {
            let known: Vec<&str> = keys.iter().map(String::as_str).collect();
            let listed = if known.is_empty() { "has none".to_owned() } else { format!("has {}", known.join(", ")) };
            Err(format!(
                "the plugin's receive-global routes by `{pointer}`, which is not among the manifest's route_keys ({listed}), so nobody is reached{}",
                nearest(pointer, &known)
            ))
        }
        Target::PlatformId(_) | Target::RouteKey { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use moothall_core::web::Routed;

    fn checked(manifest: Value, target: Target) -> Result<(), String> {
        let manifest = Manifest::parse(&manifest.to_string()).expect("a good manifest");
        let routed = Routed { response: None, targets: vec![target] };
        check(&manifest, &Output::Routed(routed)).map_err(|fault| fault.to_string())
    }

    fn by_key(pointer: &str) -> Target {
        Target::RouteKey { pointer: pointer.to_owned(), value: "x".to_owned() }
    }

    #[test]
    fn a_target_that_no_instance_can_have_is_the_plugins_fault() {
        let keys = json!({ "name": "a", "route_keys": ["/channel"] });
        assert_eq!(checked(keys.clone(), by_key("/channel")), Ok(()));
        for (wrong, is_near) in
            [("/chanel", true), ("channel", true), ("/mode", false), ("", false)]
        {
            let said = checked(keys.clone(), by_key(wrong)).expect_err(wrong);
            assert!(said.contains("has /channel"), "{said}");
            assert_eq!(said.contains("did you mean `/channel`?"), is_near, "{said}");
        }
        let said = checked(json!({ "name": "a" }), by_key("/channel")).expect_err("it has no key");
        assert!(said.contains("has none") && !said.contains("did you mean"), "{said}");
        let of_platform = || Target::PlatformId("T1".to_owned());
        let said = checked(keys, of_platform()).expect_err("no instance has an id");
        assert!(said.contains("community_platform_id_key"), "{said}");
        let with_id = json!({
            "name": "a",
            "community_platform_id_key": "team",
            "config_schema": { "type": "object", "properties": { "team": { "type": "string" } } },
        });
        assert_eq!(checked(with_id, of_platform()), Ok(()));
    }
}
