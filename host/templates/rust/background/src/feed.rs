//! The feed: a list of items, of which newer ones have greater ids.

use moothall_sdk::{Result, http};

use crate::ItemFound;

/// The items after the one with this id, oldest first.
pub fn items_after(url: &str, id: u64) -> Result<Vec<ItemFound>> {
    http::get(url).query(&[("after", id.to_string())]).fetch()
}
