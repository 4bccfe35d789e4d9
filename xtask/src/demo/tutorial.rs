//! The tutorial's requests in order, with the expected answers. Must never use a request that a
//! driver could not send.
#![expect(clippy::print_stdout, reason = "the headings belong to the transcript")]

use anyhow::Result;
use serde_json::{Value, json};

use super::exchange::{Exchange, Shows};
use super::server::Server;

const COMMUNITY: &str = "my-community-1234";

pub fn play(server: &mut Server) -> Result<()> {
    before_the_kill(&server.url())?;
    heading("Kill the host (kill -9) and start it again: what it answered is there");
    server.kill_and_restart()?;
    after_the_kill(&server.url())
}

fn before_the_kill(url: &str) -> Result<()> {
    heading("Enable the tutorial plugin for a community");
    put_community(tutorial_plugin(), 201, vec![("/plugins/0/config/api_key", json!("********"))])
        .play(url)?;
    heading("Call an action");
    action("tutorial.times-two", json!({ "value": 5 }), vec![("/result", json!(10))]).play(url)?;
    heading("Call an action that uses the instance's state");
    let stored = vec![("/foo", json!("bar")), ("/obj/x", json!(2))];
    action("tutorial.my-action", json!({ "x": 2 }), stored).play(url)?;
    heading("Enable a second plugin, and let it store something");
    enable_randomness().play(url)?;
    let lucky_number = json!({ "lucky_number": 7 });
    action("randomness.set-lucky-number", lucky_number, vec![("/lucky_number", json!(7))])
        .play(url)?;
    heading("A platform sends a webhook, and the plugin tells the driver of it");
    webhook(json!({ "data": { "title": "Hello" }, "account": "ann" })).play(url)?;
    heading("Start a governance process; webhooks bring the ballots");
    start_process().play(url)?;
    webhook(json!({ "account": "ann", "vote": "yes" })).play(url)?;
    get_community().play(url)
}

fn after_the_kill(url: &str) -> Result<()> {
    action("randomness.get-lucky-number", json!({}), vec![("/lucky_number", json!(7))])
        .play(url)?;
    get_community().play(url)?;
    let shows = vec![
        ("/events/0/event_type", json!("post_created")),
        ("/events/0/data/title", json!("Hello")),
    ];
    get("/api/internal/events", shows).play(url)?;
    let shows = vec![("/processes/0/name", json!("tutorial.my-gov-process"))];
    get("/api/internal/process?status=pending", shows).play(url)?;
    heading("Parameters are checked before the plugin is called");
    let times_two =
        action("tutorial.times-two", json!({ "value": "five" }), vec![("/status", json!(400))]);
    Exchange { status: 400, ..times_two }.play(url)?;
    heading("Disable the plugins: their state goes with them, and their processes are completed");
    put_community(json!([]), 200, vec![("/plugins", json!([]))]).play(url)?;
    let shows = vec![("/processes/0/errors/code", json!("instance_disabled"))];
    get("/api/internal/process?status=completed", shows).play(url)
}

fn heading(text: &str) {
    println!("# {text}");
}

fn tutorial_plugin() -> Value {
    json!([{ "name": "tutorial", "config": { "api_key": "ABC123", "foo": "baz" } }])
}

fn put_community(plugins: Value, status: u16, shows: Shows) -> Exchange {
    let body = json!({ "name": COMMUNITY, "readable_name": "", "plugins": plugins });
    Exchange {
        method: "PUT",
        path: community_path(),
        community: None,
        body: Some(body),
        status,
        shows,
    }
}

fn get_community() -> Exchange {
    let shows = vec![("/name", json!(COMMUNITY)), ("/plugins/1/name", json!("randomness"))];
    Exchange {
        method: "GET",
        path: community_path(),
        community: None,
        body: None,
        status: 200,
        shows,
    }
}

fn enable_randomness() -> Exchange {
    let path = "/api/internal/plugin/randomness".to_owned();
    let config = json!({ "default_low": 1, "default_high": 7 });
    Exchange {
        method: "POST",
        path,
        community: Some(COMMUNITY),
        body: Some(config),
        status: 201,
        shows: vec![],
    }
}

fn action(name: &str, parameters: Value, shows: Shows) -> Exchange {
    let path = format!("/api/internal/action/{name}");
    let body = Some(json!({ "parameters": parameters }));
    Exchange { method: "POST", path, community: Some(COMMUNITY), body, status: 200, shows }
}

fn community_path() -> String {
    format!("/api/internal/community/{COMMUNITY}")
}

fn webhook(body: Value) -> Exchange {
    let path = format!("/api/hooks/{COMMUNITY}/tutorial");
    Exchange { method: "POST", path, community: None, body: Some(body), status: 200, shows: vec![] }
}

fn start_process() -> Exchange {
    let path = "/api/internal/process/tutorial.my-gov-process".to_owned();
    let (body, shows) = (json!({ "title": "Lunch?" }), vec![("/status", json!("pending"))]);
    Exchange {
        method: "POST",
        path,
        community: Some(COMMUNITY),
        body: Some(body),
        status: 202,
        shows,
    }
}

fn get(path: &str, shows: Shows) -> Exchange {
    let path = path.to_owned();
    Exchange { method: "GET", path, community: None, body: None, status: 200, shows }
}
