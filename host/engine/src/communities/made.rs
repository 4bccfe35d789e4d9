//! A community as unit tests need it: `acme`, with the instances that they made.

use std::sync::Arc;

use super::Community;
use moothall_core::instance::Instance;
use moothall_core::instance::made::names;

pub fn community(instances: &[&Arc<Instance>]) -> Community {
    let instances = instances.iter().map(|one| Arc::clone(one)).collect();
    Community { names: names("acme"), instances }
}
