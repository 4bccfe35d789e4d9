//! What a mutation does to each instance.

use super::*;
use crate::communities::made::community;
use moothall_core::instance::made::instance;

#[test]
fn only_another_config_of_a_plugin_that_does_not_keep_it_replaces_an_instance() {
    use ConfigChange::{Config, Nothing, Secrets};
    use OnConfigChange::{Keep, Recreate};
    for (change, on_change, expected) in [
        (Nothing, Recreate, Effect::None),
        (Nothing, Keep, Effect::None),
        (Secrets, Recreate, Effect::Reconfigure),
        (Secrets, Keep, Effect::Reconfigure),
        (Config, Keep, Effect::Reconfigure),
        (Config, Recreate, Effect::Replace),
    ] {
        assert_eq!(effect(change, on_change), expected, "{change:?} {on_change:?}");
    }
}

/// Of which instances the steps are, and whether each changes.
fn kept(steps: &[PlanStep]) -> Vec<(i64, bool)> {
    let kept = steps.iter().map(|step| match step {
        PlanStep::Keep(one) => (one.id.0, false),
        PlanStep::Remove(one) => (one.id.0, true),
        PlanStep::Create(_) | PlanStep::Replace(..) | PlanStep::Reconfigure(..) => {
            panic!("no plugin serves")
        }
    });
    kept.collect()
}

#[test]
fn an_instance_that_nothing_is_said_of_stays() {
    let (probe, one, two) = (
        instance(1, "probe", None),
        instance(2, "team", Some("T1")),
        instance(3, "team", Some("T2")),
    );
    let all = community(&[&probe, &one, &two]);
    assert_eq!(kept(&keep_others(&all, &[])), [(1, false), (2, false), (3, false)]);
    assert_eq!(kept(&keep_others(&all, &[PlanStep::Remove(one)])), [(1, false), (3, false)]);
}

#[test]
fn an_entry_without_a_config_means_the_one_instance_of_its_plugin() {
    let (probe, one, two) = (
        instance(1, "probe", None),
        instance(2, "team", Some("T1")),
        instance(3, "team", Some("T2")),
    );
    let all = community(&[&probe, &one, &two]);
    assert_eq!(only_instance(&all, "probe").unwrap().map(|one| one.id), Some(probe.id));
    assert!(only_instance(&all, "other").unwrap().is_none(), "there is none");
    assert!(
        matches!(only_instance(&all, "team"), Err(MutationError::NoConfig(_))),
        "which of two?"
    );
}
