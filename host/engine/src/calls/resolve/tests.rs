//! Who reaches which action, and of which instance a call is.

use super::*;
use crate::communities::made::community;
use moothall_core::instance::made::instance;

#[test]
fn what_is_not_public_is_reached_from_inside_alone() {
    let reached =
        [Reach::Public, Reach::Every].map(|reach| [true, false].map(|one| reach.includes(one)));
    assert_eq!(reached, [[true, false], [true, true]]);
}

#[test]
fn where_there_are_several_instances_it_has_to_be_said_which() {
    let probe = instance(1, "probe", None);
    let teams = [instance(2, "team", Some("T1")), instance(3, "team", Some("T2"))];
    let all = community(&[&probe, &teams[0], &teams[1]]);
    let said = |plugin: &str, platform_id: Option<&str>| {
        let found = all.resolve(plugin, platform_id);
        found.map(|one| one.id.0).map_err(|error| unresolved(plugin, &all, error).to_string())
    };
    assert_eq!(said("probe", None), Ok(1));
    assert_eq!(said("team", Some("T2")), Ok(3));
    for (plugin, platform_id, words) in [
        ("team", None, "X-Metagov-Platform-Id: T1, T2"),
        ("team", Some("T9"), "there are: T1, T2"),
        ("probe", Some("T1"), "its instance here has none: leave it out"),
        ("other", None, "Plugin 'other' not enabled for community 'acme'"),
    ] {
        let error = said(plugin, platform_id).unwrap_err();
        assert!(error.contains(words), "{plugin} {platform_id:?}: {error}");
    }
}

#[test]
fn one_instance_is_meant_with_and_without_its_platform_id() {
    let team = instance(2, "team", Some("T1"));
    let all = community(&[&team]);
    assert_eq!(all.resolve("team", None).map(|one| one.id), Ok(team.id));
    assert_eq!(all.resolve("team", Some("T1")).map(|one| one.id), Ok(team.id));
    assert!(all.resolve("team", Some("T2")).is_err());
}
