//! TCP from a guest: an ordinary client crate, a real Redis, and addresses that are not granted.

use moothall_tests::redis::Redis;
use moothall_tests::{TestHost, until};

/// What the guest's manifest asks for.
const PORT: u16 = 16380;

fn toml(host: &str, grants: &str) -> String {
    format!(
        "[plugins.redis-client]\nscope = \"host\"\nsettings = {{ url = \"redis://{host}:{PORT}\" }}\n{grants}"
    )
}

async fn host(name: &str, grants: &str) -> TestHost {
    TestHost::with(&["redis-client"]).toml(&toml(name, grants)).start().await
}

#[tokio::test]
async fn a_client_crate_speaks_to_redis_over_a_granted_connection_and_not_without() {
    let _redis = Redis::start(PORT).await;
    let grant = format!("grants = {{ tcp = [\"127.0.0.1:{PORT}\"] }}");
    let mut host = host("127.0.0.1", &grant).await;
    let stored = host.get("/api/plugins/redis-client/set/drink/green%20tea").await;
    assert_eq!((stored.status, stored.text.as_str()), (200, "OK"));
    let found = host.get("/api/plugins/redis-client/get/drink").await;
    assert_eq!((found.status, found.text.as_str()), (200, "green tea"));
    assert_eq!(host.get("/api/plugins/redis-client/get/food").await.status, 404);

    // The same address without a grant: refused, and the log says what to add.
    host.set_toml(&toml("127.0.0.1", ""));
    host.restart().await;
    let refused = host.get("/api/plugins/redis-client/set/drink/coffee").await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    said(&host, "the plugin may not connect to HOST:PORT").await;
    said(&host, "if it was to listen: no plugin listens for connections").await;

    host.set_toml(&toml("127.0.0.1", &grant));
    host.restart().await;
    let kept = host.get("/api/plugins/redis-client/get/drink").await;
    assert_eq!(kept.text, "green tea", "what was refused changed nothing");

    // Listening is refused, too; a grant would not help.
    for address in ["0.0.0.0:0", "127.0.0.1:16399"] {
        let refused = host.get(&format!("/api/plugins/redis-client/listen/{address}")).await;
        refused.problem(403, "forbidden");
    }
    said_so(&host, "the plugin may not listen on 127.0.0.1:16399: no plugin listens").await;
    said_so(&host, "the plugin may not listen on 0.0.0.0:").await;

    // Another address, by number and by name: neither is granted.
    for (other, line) in [
        ("127.0.0.2", format!("the plugin may not connect to 127.0.0.2:{PORT}")),
        ("localhost", "the plugin may not look up localhost:PORT".to_owned()),
    ] {
        host.set_toml(&toml(other, &grant));
        host.restart().await;
        let refused = host.get("/api/plugins/redis-client/get/drink").await;
        assert_eq!(refused.status, 503, "{other}: {}", refused.text);
        said(&host, &line).await;
    }
}

/// A listener at the address that the resident fixture may connect to; the system accepts
/// connections for it.
fn listener() -> std::net::TcpListener {
    std::net::TcpListener::bind(("127.0.0.1", 16381)).expect("the tests' own port")
}

async fn resident(resolve: &str, grants: &str) -> TestHost {
    let toml = format!(
        "{resolve}\n[plugins.resident]\nscope = \"host\"\nsettings = {{ label = \"blue\" }}\ngrants = {{ tcp = [{grants}] }}"
    );
    TestHost::with(&["resident"]).toml(&toml).start().await
}

#[tokio::test]
async fn a_granted_name_is_what_the_operator_pinned_and_never_a_metadata_address() {
    let listener = listener();
    let pinned =
        |address: &str| format!("[egress]\nresolve = {{ \"inside.test\" = [\"{address}\"] }}");
    let grant = "\"inside.test:16381\"";
    let mut host = resident(&pinned("127.0.0.1"), grant).await;
    let (asked, ()) =
        tokio::join!(host.get("/api/plugins/resident/ping/inside.test/16381"), async {
            let answered = tokio::task::spawn_blocking(move || {
                let (mut stream, _) = listener.accept().expect("a connection");
                std::io::Write::write_all(&mut stream, b"+PONG\r\n").expect("it reads");
            });
            answered.await.expect("it did not panic");
        });
    assert_eq!((asked.status, asked.text.as_str()), (200, "+PONG\r\n"));

    host.set_toml(&format!(
        "{}\n[plugins.resident]\nscope = \"host\"\nsettings = {{ label = \"blue\" }}\ngrants = {{ tcp = [{grant}] }}",
        pinned("169.254.169.254")
    ));
    host.restart().await;
    for (address, line) in [
        ("inside.test", "the plugin cannot look up `inside.test`"),
        ("169.254.169.254", "the plugin may not connect to 169.254.169.254:16381 now"),
    ] {
        let refused = host.get(&format!("/api/plugins/resident/ping/{address}/16381")).await;
        refused.problem(403, "forbidden");
        until("the log says why", async || {
            let log = host.logs();
            let said = log.lines().find(|one| one.contains(line))?;
            said.contains("an address of cloud metadata").then_some(())
        })
        .await;
    }

    // Sockets are closed with the call: a call may have sixteen at once, and so may the next.
    let _listener = self::listener();
    host.set_toml(
        "[plugins.resident]\nscope = \"host\"\nsettings = { label = \"blue\" }\ngrants = { tcp = [\"127.0.0.1:16381\"] }",
    );
    host.restart().await;
    for _ in 0..2 {
        let open = host.get("/api/plugins/resident/open/20/16381").await;
        assert_eq!((open.status, open.text.as_str()), (200, "16"));
    }
    said_so(&host, "a call has at most 16 open (sockets_per_call)").await;
}

async fn said_so(host: &TestHost, line: &str) {
    until("the log says so", async || host.logs().contains(line).then_some(())).await;
}

/// Waits until the log has the denial with the line to add. A line that is not written yet would
/// not survive a restart.
async fn said(host: &TestHost, line: &str) {
    until("the log says what to add", async || {
        let log = host.logs();
        let said = log.lines().find(|one| one.contains(line))?;
        said.contains("under [plugins.redis-client]").then_some(())
    })
    .await;
}
