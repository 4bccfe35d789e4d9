//! Monitoring points: the measurements of each request, and what a slow plugin costs.

use moothall_tests::{TestHost, until};
use serde_json::{Value, json};

const TOML: &str = "[plugins.resident]\nscope = \"host\"\nsettings = { label = \"blue\" }";

async fn host() -> TestHost {
    let host = TestHost::with(&["resident", "probe"]).toml(TOML).start().await;
    host.community("acme", "probe", json!({})).await;
    until("points are taken", async || {
        (points(&host).await["batches"].as_u64() > Some(0)).then_some(())
    })
    .await;
    host
}

async fn points(host: &TestHost) -> Value {
    host.get("/api/plugins/resident/points").await.json()
}

/// The point of that series and route, once the plugin has it.
async fn point(host: &TestHost, series: &str, route: &str) -> Value {
    until("the point is handed over", async || {
        let points = points(host).await;
        let last = points["last"].as_array().cloned().unwrap_or_default();
        last.into_iter().find(|one| one["series"] == series && one["tags"]["route"] == route)
    })
    .await
}

/// The value of a metric.
async fn number(host: &TestHost, name: &str) -> f64 {
    let text = host.get("/metrics").await.text;
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap_or(0.0)
}

#[tokio::test]
async fn each_request_is_a_point() {
    let host = host().await;
    let answer = host.action("acme", "probe.get", json!({ "key": "a" })).await;
    let route = "POST:/api/internal/action/{target}";
    let point = point(&host, "requests", route).await;
    assert_eq!(point["tags"]["service"], "moothall");
    assert_eq!(point["tags"]["account_id"], "acme");
    assert_eq!(point["tags"]["status_code"], 200);
    assert_eq!(point["tags"]["error_code"], Value::Null);
    assert_eq!(point["fields"]["request_id"], answer.header("x-request-id"));
    assert!(
        point["fields"]["execution_time"].as_f64().is_some_and(|time| time > 0.0 && time < 60.0)
    );
}

#[tokio::test]
async fn a_request_that_fails_is_two() {
    let host = host().await;
    host.action("acme", "probe.nothing", json!({})).await.problem(404, "unknown_action");
    let route = "POST:/api/internal/action/{target}";
    let error = point(&host, "errors", route).await;
    assert_eq!(error["tags"]["status_code"], 404);
    assert_eq!(error["tags"]["error_code"], "unknown_action");
    host.get("/nothing/here?secret=1").await.problem(404, "not_found");
    // An unknown path is not kept, because it could be anything.
    assert_eq!(point(&host, "errors", "GET:/").await["tags"]["account_id"], Value::Null);
}

#[tokio::test]
async fn what_anybody_can_send_is_kept_in_part_alone() {
    let host = host().await;
    let name = "n".repeat(30_000);
    for _ in 0..100 {
        let request = host.request(reqwest::Method::GET, &format!("/healthz/{name}"));
        let refused = moothall_tests::answer(request.header("X-Metagov-Community", &name)).await;
        refused.problem(404, "not_found");
    }
    let point = point(&host, "errors", "GET:/").await;
    assert_eq!(point["tags"]["account_id"], Value::Null);
    assert!(point.to_string().len() < 2_000, "{} bytes", point.to_string().len());
}

#[tokio::test]
async fn a_plugin_that_blocks_loses_points_and_they_are_counted() {
    let host = host().await;
    host.get("/api/plugins/resident/block/on").await.expect(200);
    let dropped = "moothall_monitoring_dropped_total{plugin=\"resident\"}";
    let before = number(&host, dropped).await;
    let mut sent = 0.0;
    // More than the ring holds, in addition to a batch in progress.
    while number(&host, dropped).await < before + 1_000.0 {
        for _ in 0..500 {
            host.get("/healthz").await.expect(200);
        }
        sent += 501.0;
        assert!(sent < 20_000.0, "the ring holds 10000");
    }
    let lost = number(&host, dropped).await - before;
    assert!(sent > 10_000.0 && lost <= sent, "{lost} of {sent}");
}
