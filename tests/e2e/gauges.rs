//! Gauges that alerts are about.

use moothall_tests::{TestHost, until};

#[tokio::test]
async fn what_alerts_are_about_is_shown_before_anything_happens() {
    let host = TestHost::with(&["probe"]).start().await;
    let metrics = until("the gauges are set", async || {
        let metrics = host.get("/metrics").await.text;
        metrics.contains("moothall_store_bytes ").then_some(metrics)
    })
    .await;
    let value = |series: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.and_then(|value| value.parse::<f64>().ok())
            .unwrap_or_else(|| panic!("{series}: {metrics}"))
    };
    let version = format!("moothall_build_info{{version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(metrics.contains(&version), "{metrics}");
    for waits in [
        "moothall_webhook_items_waiting",
        "moothall_webhook_items_dead",
        "moothall_webhook_oldest_seconds",
        "moothall_schedule_overdue_seconds",
    ] {
        assert_eq!(value(waits), 0.0);
    }
    for limit in
        ["limits.calls", "limits.guest_memory_bytes", "store.queued_writes", "store.database_bytes"]
    {
        let used = value(&format!("moothall_limit_used_ratio{{limit=\"{limit}\"}}"));
        assert!((0.0..1.0).contains(&used), "{limit}: {used}");
    }
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_open_fds") > 3.0);
    assert!(value("process_max_fds") > value("process_open_fds"));
    assert!(value("process_start_time_seconds") > 1.7e9);
}
