//! `context`: which instance is called. Outside of a call everything is empty.

use serde_json::Value;

use crate::testing::world::now;

pub fn community() -> String {
    now(|world| world.community.clone())
}

pub fn community_name() -> String {
    community()
}

pub fn instance() -> u64 {
    now(|world| u64::from(world.instance_call().is_ok()))
}

pub fn community_platform_id() -> Option<String> {
    now(|world| {
        world.instance_call().ok()?;
        world.the_plugin().ok()?.manifest.platform_id(&world.config).ok()?
    })
}

pub fn call() -> String {
    now(|world| world.calls.to_string())
}

pub fn origin() -> String {
    now(|world| world.call.as_ref().map(|call| call.origin).unwrap_or_default().to_owned())
}

pub fn request_id() -> String {
    String::new()
}

pub fn config() -> String {
    now(|world| match world.instance_call() {
        Ok(_) => world.config.to_string(),
        Err(_) => Value::Object(serde_json::Map::new()).to_string(),
    })
}
