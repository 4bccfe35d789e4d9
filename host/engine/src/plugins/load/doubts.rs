//! Warns, at load, of what can have no effect in a manifest and in the operator's grants: most likely it is mistyped. The
//! plugin serves all the same.

mod names;

use moothall_values::destination::HostPattern;

use crate::plugins::manifest::{self, Pointer, is_pointer};
use crate::plugins::{Manifest, Schema};
use moothall_core::config::PluginConfig;

pub fn doubts(
    manifest: &Manifest,
    config: &Schema,
    operator: &PluginConfig,
    capabilities: &[&str],
) -> Vec<String> {
    let settings = Some(&operator.settings);
    let mut doubts = manifest::doubts(manifest, config, settings);
    doubts.extend(names::settings(manifest, operator));
    doubts.extend(names::schedules(manifest, operator, capabilities));
    let granted = granted(manifest, operator);
    doubts.extend(granted.iter().filter_map(|one| one.leads_nowhere(manifest, settings)));
    doubts
}

/// Pointers in what the operator grants.
fn granted<'a>(manifest: &Manifest, operator: &'a PluginConfig) -> Vec<Pointer<'a>> {
    let place = |grant: &str| format!("the grant {grant} of [plugins.{}]", manifest.name);
    let grants = &operator.grants;
    let reveal = grants.reveal.iter().map(|text| Pointer { place: place("reveal"), text });
    let http = grants.http.iter().map(HostPattern::as_str).filter(|one| is_pointer(one));
    reveal.chain(http.map(|text| Pointer { place: place("http"), text })).collect()
}
