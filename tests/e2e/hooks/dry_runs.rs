//! The hook before an action, in a dry run of it.

use moothall_tests::Receiver;
use serde_json::{Value, json};

use super::{filter, host};

const STEPS: &str = "/api/internal/hooks/org.moothall.action.requested.v1/steps";
const DRY: &str = "backstage.echo?dry_run=true";
const SENDING: &str = "backstage.echo?dry_run=true&allow_http=true";

/// Performs a dry run; `filter` tells the filter of `backstage` what to do.
fn asking(filter: Value) -> Value {
    json!({ "value": 1, "filter": filter })
}

#[tokio::test]
async fn what_a_plugins_filter_prevents_or_changes_it_does_in_a_dry_run_too() {
    let host = host().await;
    let exception = json!({ "name": "PreventAction", "message": "not now" });
    let halt = asking(json!({ "do": "halt", "exception": exception }));
    let prevented = host.action("acme", DRY, halt.clone()).await;
    assert_eq!(prevented.problem(403, "prevented"), "not now");
    host.action("acme", "backstage.echo", halt).await.problem(403, "prevented");

    let update = json!({ "do": "update", "data": { "parameters": { "value": 2 } } });
    let shown = host.result("acme", DRY, asking(update)).await;
    assert_eq!(shown["response"], json!({ "value": 2 }));
    assert_eq!(shown["effects"].get("not_asked"), None, "all were asked");
}

async fn prevents() -> Receiver {
    filter(200, r#"{"exception":{"PreventAction":"no"}}"#).await
}

#[tokio::test]
async fn a_webfilter_is_asked_only_where_a_dry_run_may_send_and_else_named() {
    let (host, filter) = (host().await, prevents().await);
    let step = host.post(STEPS, json!({ "target": filter.url })).await.expect(201);
    let pass = asking(json!({ "do": "pass" }));
    let shown = host.result("acme", DRY, pass.clone()).await;
    assert_eq!(shown["effects"]["not_asked"], json!([step["id"]]));
    assert_eq!(filter.received().len(), 0, "nothing has left the host");

    let sent = host.action("acme", SENDING, pass.clone()).await;
    assert_eq!(sent.problem(403, "prevented"), "no");
    host.action("acme", "backstage.echo", pass).await.problem(403, "prevented");
    assert_eq!(filter.received().len(), 2);
}
