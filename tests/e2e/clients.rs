//! Clients that send too much, read nothing, or are too many: what they cost others.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use moothall_tests::{Answer, Driver, TestHost, answer, until};
use reqwest::Method;
use serde_json::json;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// A file of the viewer; requested several times, it is more than systems buffer.
const LARGE: &str = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn connect(url: &str) -> TcpStream {
    let address = url.trim_start_matches("http://");
    let stream = TcpStream::connect(address).expect("the host listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream
}

/// Sends only this; returns the answer's first line.
fn first_line(url: &str, sent: &str) -> String {
    let mut stream = connect(url);
    stream.write_all(sent.as_bytes()).expect("it is sent");
    let mut read = Vec::new();
    let mut chunk = [0; 1024];
    while !read.contains(&b'\n') {
        match stream.read(&mut chunk).expect("the host answers though nothing more is sent") {
            0 => break,
            count => read.extend_from_slice(&chunk[..count]),
        }
    }
    String::from_utf8_lossy(&read).lines().next().unwrap_or_default().to_owned()
}

async fn metric(host: &Driver, line: &str) -> Option<()> {
    host.get("/metrics").await.text.lines().any(|one| one == line).then_some(())
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off_and_one_that_reads_slowly_is_not() {
    let host = TestHost::with(&[]).toml("[http]\nwrite_ms = 3000").start().await;
    const ASKED: usize = 100;
    let (silent, mut slow) = (connect(&host.url), connect(&host.url));
    (&silent).write_all(LARGE.repeat(ASKED).as_bytes()).expect("it is sent");
    slow.write_all(LARGE.repeat(ASKED).as_bytes()).expect("it is sent");
    let mut chunk = vec![0; 256 << 10];
    until("the client that does not read is cut off", async || {
        assert!(slow.read(&mut chunk).expect("the slow one is served") > 0);
        let cut = "moothall_http_connections_cut_total{reason=\"not_read\"} 1";
        metric(&host, cut).await
    })
    .await;
    drop(silent);
    // A client that reads gets everything that it asked for.
    (&slow)
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("sent");
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).expect("the slow one is served to its end");
    assert!(String::from_utf8_lossy(&rest).ends_with("{\"status\":\"ok\"}"));
    metric(&host, "moothall_http_connections_cut_total{reason=\"not_read\"} 1").await.expect("one");
}

#[tokio::test]
async fn a_head_of_more_than_64_kib_is_refused() {
    let host = TestHost::with(&[]).start().await;
    let head = |bytes: usize| {
        let filler = "x".repeat(8_000);
        let lines: String =
            (0..bytes / 8_000).map(|number| format!("x-{number}: {filler}\r\n")).collect();
        format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
    };
    assert_eq!(first_line(&host.url, &head(56_000)), "HTTP/1.1 200 OK");
    let refused = first_line(&host.url, &head(72_000));
    assert_eq!(refused, "HTTP/1.1 431 Request Header Fields Too Large");
}

#[tokio::test]
async fn nobody_is_asked_for_a_body_that_is_for_nothing() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({ "webhook_slug": "s3cret" })).await;
    let acme = "X-Metagov-Community: acme\r\n";
    let nobody = "X-Metagov-Community: nobody\r\n";
    for (request, header, status) in [
        ("POST /api/internal/action/probe.nothing", acme, 404),
        ("POST /api/internal/action/probe.put", nobody, 400),
        ("POST /api/internal/action/probe.put", "", 400),
        ("POST /api/action/probe.put", acme, 404),
        ("POST /api/action/probe.put?dry_run=true", acme, 400),
        ("POST /api/internal/process/probe.nothing", acme, 404),
        ("POST /api/internal/process/probe.vote", nobody, 400),
        ("POST /api/internal/plugin/nothing", acme, 404),
        ("POST /api/internal/plugin/probe", nobody, 400),
        ("PUT /api/internal/community/a%20b", "", 400),
        ("POST /api/hooks/acme/probe", "", 404),
        ("POST /api/hooks/acme/probe/s3cre7", "", 404),
        ("POST /api/hooks/nobody/probe/s3cret", "", 404),
        ("POST /api/hooks/probe", "", 404),
        ("POST /api/plugins/probe/acme/nothing", "", 404),
        ("PUT /api/internal/endpoints/ep_nothing", "", 404),
        ("POST /api/internal/endpoints/ep_nothing/recover", "", 404),
        ("PUT /api/internal/hooks/org.moothall.action.requested.v1", "", 409),
        ("POST /api/internal/hooks/org.example.nothing.v1/steps", "", 404),
        ("POST /api/internal/hooks/org.example.nothing.v1/run", "", 404),
        ("POST /api/internal/oauth/probe/start", "", 404),
        ("POST /api/internal/workers/nobody/skip", "", 404),
        ("POST /api/internal/nothing", "", 404),
    ] {
        let head = format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n{header}\r\n"
        );
        let line = first_line(&host.url, &head);
        assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{request} {header}: {line}");
    }
    let large = format!(
        "POST /api/internal/action/probe.put HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n{acme}\r\n"
    );
    assert_eq!(first_line(&host.url, &large), "HTTP/1.1 413 Payload Too Large");
}

#[tokio::test]
async fn who_is_answered_before_everything_was_sent_gets_the_answer() {
    let host = TestHost::with(&["raw"]).start().await;
    for _ in 0..20 {
        // More than systems buffer, so that the client is still sending when it gets the answer.
        let request = host.request(Method::POST, "/api/internal/action/raw.echo");
        let request = request.header("X-Metagov-Community", "nobody").body("x".repeat(900_000));
        answer(request).await.problem(400, "unknown_community");
        let request = host.request(Method::PUT, "/api/internal/community/acme");
        answer(request.body("x".repeat(1_500_000))).await.problem(413, "body_too_large");
    }
}

#[tokio::test]
async fn large_bodies_share_a_budget_and_small_ones_need_none() {
    let toml = "[http]\nbodies_bytes = 400000\nbody_ms = 600000";
    let host = TestHost::with(&["raw"]).toml(toml).start().await;
    host.community("acme", "raw", json!({})).await;
    let echo = async |bytes: usize| -> Answer {
        host.action("acme", "raw.echo", json!({ "text": "x".repeat(bytes) })).await
    };
    echo(200_000).await.expect(200);
    let head = "POST /api/internal/action/raw.echo HTTP/1.1\r\nHost: localhost\r\n\
                Content-Length: 1000000\r\nX-Metagov-Community: acme\r\n\r\n";
    let greedy = || {
        let mut greedy = connect(&host.url);
        greedy.write_all(head.as_bytes()).expect("it is sent");
        greedy.write_all(&vec![b' '; 250_000]).expect("it is sent");
        greedy.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout can be set");
        greedy
    };
    let mut held = greedy();
    let refused = until("the budget is used up", async || {
        // If two grow at once, the later one is refused; that may be the greedy one, which begins
        // again.
        if held.read(&mut [0; 1024]).is_ok() {
            held = greedy();
        }
        let answer = echo(200_000).await;
        (answer.status != 200).then_some(answer)
    });
    let refused = refused.await;
    refused.problem(503, "overloaded");
    assert_eq!(refused.header("retry-after"), "1");
    echo(10_000).await.expect(200);
    drop(held);
    until("there is room again", async || (echo(200_000).await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn a_body_in_pieces_of_one_byte_costs_its_bytes() {
    const CLIENTS: usize = 60;
    const BYTES: usize = 20_000;
    let host = TestHost::with(&["raw"]).toml("[http]\nbody_ms = 600000").start().await;
    host.community("acme", "raw", json!({})).await;
    host.action("acme", "raw.echo", json!({ "text": "as warm as it gets" })).await.expect(200);
    let before = host.peak_memory();
    let head = "POST /api/internal/action/raw.echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Transfer-Encoding: chunked\r\nX-Metagov-Community: acme\r\n\r\n";
    let mut clients: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(&host.url)).collect();
    for client in &mut clients {
        client.set_nodelay(true).expect("each write is a segment of its own");
        client.write_all(head.as_bytes()).expect("it is sent");
    }
    for _ in 0..BYTES / 5 {
        for client in &mut clients {
            client.write_all("1\r\n \r\n".repeat(5).as_bytes()).expect("it is sent");
        }
    }
    for mut client in clients {
        let body = r#"{"parameters":{"text":"all there"}}"#;
        let rest = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        client.write_all(rest.as_bytes()).expect("it is sent");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("it is answered");
        assert!(answer.contains(" 200 OK") && answer.contains("all there"), "{answer}");
    }
    let cost = host.peak_memory().saturating_sub(before);
    // Kept as they arrive, the pieces would cost three times as much.
    assert!(cost < 32 << 20, "{cost} bytes of memory for {} bytes of body", CLIENTS * BYTES);
}

#[tokio::test]
async fn operators_are_heard_while_idle_clients_hold_every_connection() {
    let toml = "[http]\nconnections = 20\nhead_ms = 600000\noperations_listen = \"localhost:0\"";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    let key = host.create_key("operator");
    let log = host.logs();
    let (_, rest) = log.split_once("health and metrics are also at ").expect("it is logged");
    let operations = Driver::new(rest.split_whitespace().next().expect("a URL").to_owned());
    let idle: Vec<TcpStream> = (0..60).map(|_| connect(&host.url)).collect();
    for mut client in &idle {
        client.write_all(b"GET /he").expect("it is sent");
    }
    until("nobody else is heard", async || {
        let mut late = connect(&host.url);
        late.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout can be set");
        late.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it is sent");
        let silence = late.read(&mut [0; 16]).err().map(|error| error.kind());
        matches!(silence, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut)).then_some(())
    })
    .await;
    operations.get("/healthz").await.expect(200);
    operations.get("/readyz").await.expect(200);
    until("the key counts", async || {
        (operations.get("/metrics").await.status == 401).then_some(())
    })
    .await;
    operations.get("/metrics").await.problem(401, "unauthorized");
    let metrics = operations.with_key(&key).get("/metrics").await;
    assert!(metrics.status == 200 && metrics.text.contains("moothall_communities"), "{metrics:?}");
    operations.with_key(&key).get("/api/internal/community").await.problem(404, "not_found");
    drop(idle);
}

#[tokio::test]
async fn connections_stay_under_the_limit_of_open_files() {
    let toml = "[http]\nhead_ms = 600000\noperations_listen = \"localhost:0\"";
    let host = TestHost::with(&["probe"]).toml(toml).files(64, 600).start().await;
    host.community("acme", "probe", json!({})).await;
    let log = host.logs();
    assert!(log.contains("150 connections are served at once instead of 10000"), "{log}");
    let (_, rest) = log.split_once("health and metrics are also at ").expect("it is logged");
    let operations = Driver::new(rest.split_whitespace().next().expect("a URL").to_owned());
    let idle: Vec<TcpStream> = (0..400).map(|_| connect(&host.url)).collect();
    for mut client in &idle {
        client.write_all(b"GET /he").expect("it is sent");
    }
    // Work that needs files can still open them.
    host.put_guest("raw");
    host.command(&["backup", "copy.db"]).succeeded();
    operations.get("/readyz").await.expect(200);
    drop(idle);
    until("it is compiled", async || {
        (host.file("raw.wasm").await["status"] == "ready").then_some(())
    })
    .await;
    assert!(!host.logs().contains("could not be accepted"), "{}", host.logs());
}

/// An address of this machine that is not loopback, if it has one.
fn outside() -> Option<String> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    // This sends nothing: the system only chooses a route.
    socket.connect("192.0.2.254:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback()).then(|| address.to_string())
}

#[tokio::test]
async fn one_address_has_its_share_of_the_connections() {
    let Some(outside) = outside() else {
        eprintln!("this machine has no address but loopback; a unit test of the host has the rest");
        return;
    };
    let mut host = TestHost::with(&[]).toml("[http]\nconnections_per_address = 5").start().await;
    host.create_key("driver");
    host.terminate();
    host.set_listen("0.0.0.0:0");
    host.restart().await;
    let port = host.url.rsplit(':').next().expect("a port").to_owned();
    let from_outside = format!("http://{outside}:{port}");
    let mut open: Vec<TcpStream> = Vec::new();
    until("one more is refused", async || {
        let mut next = connect(&from_outside);
        next.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").ok();
        let answered = next.read(&mut [0; 16]).is_ok_and(|read| read > 0);
        if answered {
            open.push(next);
        }
        (!answered).then_some(())
    })
    .await;
    assert_eq!(open.len(), 5);
    // This machine is not counted.
    let here: Vec<String> = (0..10)
        .map(|_| first_line(&host.url, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        .collect();
    assert!(here.iter().all(|line| line == "HTTP/1.1 200 OK"), "{here:?}");
    assert!(host.logs().contains("connections_per_address"), "{}", host.logs());
}
