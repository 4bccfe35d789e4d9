//! Instances as unit tests need them: in the community `acme`, with a config of nothing.

use std::sync::Arc;

use super::{CommunityNames, Facts, Instance};
use crate::ids::{CommunityId, CommunitySlug, Generation, InstanceId, PluginName};

pub fn names(slug: &str) -> Arc<CommunityNames> {
    let slug = CommunitySlug::parse(slug).expect("a slug");
    Arc::new(CommunityNames { id: CommunityId(1), slug, readable_name: "".into() })
}

pub fn instance(id: i64, plugin: &str, platform_id: Option<&str>) -> Arc<Instance> {
    Arc::new(Instance::new(Facts {
        id: InstanceId(id),
        generation: Generation(1),
        plugin: PluginName::parse(plugin).expect("a name of a plugin"),
        community: names("acme"),
        platform_id: platform_id.map(Into::into),
        config: "{}".into(),
        plugin_digest_id: crate::ids::PluginDigestId(1),
    }))
}
