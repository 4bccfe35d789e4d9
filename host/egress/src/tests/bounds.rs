//! Limits: what is sent, how much is read, and how long anything may take.

use std::time::Duration;

use super::*;
use moothall_core::endpoint::AttemptError;

/// More than enough for what must not wait, and far below the time of a request.
const SOON: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(300);

async fn send(server: &Server, body: Body) -> Result<Inbound, EgressError> {
    let request = Outbound { timeout: Some(SHORT), ..get(server.url("127.0.0.1")) };
    egress().send(request, &Reach::Any, body).await
}

#[tokio::test]
async fn redirects_are_answers() {
    let server = Server::saying(
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\nkeep-alive: 5\r\nconnection: x-hop, close\r\nx-hop: 1\r\n\r\n",
    )
    .await;
    let answer = send(&server, Body::Whole).await.unwrap();
    assert_eq!(answer.status, 302);
    let names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["location", "content-length"]);
}

#[tokio::test]
async fn a_request_is_sent_as_it_was_asked_for() {
    let server = Server::saying(OK).await;
    let request = Outbound {
        method: "POST".into(),
        url: format!("{}a?b=c#d", server.url("127.0.0.1")),
        headers: vec![("X-One".into(), "1".into()), ("x-one".into(), "2".into())],
        body: Bytes::from_static(b"body"),
        timeout: None,
    };
    egress().send(request, &Reach::Any, Body::Whole).await.unwrap();
    let head = server.heads().remove(0);
    assert!(head.starts_with("POST /a?b=c HTTP/1.1\r\n"), "{head}");
    for line in ["x-one: 1", "x-one: 2", "content-length: 4", "user-agent: moothall/"] {
        assert!(head.to_lowercase().contains(line), "{line} in {head}");
    }
}

#[tokio::test]
async fn what_is_not_valid_is_not_sent() {
    let (egress, server) = (egress(), Server::saying(OK).await);
    let url = server.url("127.0.0.1");
    let large = Bytes::from(vec![0; (1 << 20) + 1]);
    for request in [
        get(url.replace("http://", "http://user:hunter2@")),
        get(url.replace("http", "ftp")),
        Outbound { method: "CONNECT".into(), ..get(&url) },
        Outbound { headers: vec![("host".into(), "a".into())], ..get(&url) },
        Outbound { headers: vec![("a".into(), "hunter2\n".into())], ..get(&url) },
        Outbound { body: large, ..get(&url) },
    ] {
        let error = egress.send(request, &Reach::Any, Body::Whole).await.unwrap_err();
        assert_eq!(error.class(), AttemptError::Invalid, "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert_eq!(server.heads(), [""; 0]);
}

/// Sends `start`, then `more` for ever.
async fn for_ever(mut stream: TcpStream, start: &str, more: &[u8], pause: Duration) {
    let _ = stream.write_all(start.as_bytes()).await;
    while stream.write_all(more).await.is_ok() {
        tokio::time::sleep(pause).await;
    }
}

#[tokio::test]
async fn headers_that_trickle_run_out_of_time() {
    let pause = Duration::from_millis(20);
    let server =
        Server::new(move |stream| for_ever(stream, "HTTP/1.1 200 OK\r\nx: ", b"a", pause)).await;
    let error = send(&server, Body::Whole).await.unwrap_err();
    assert_eq!(error, EgressError::Timeout("waiting for the answer"));
}

#[tokio::test]
async fn a_body_without_an_end_is_cut() {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let server = Server::new(|stream| async {
        let chunk = format!("10000\r\n{}\r\n", "moot".repeat(1 << 14));
        for_ever(stream, CHUNKED, chunk.as_bytes(), Duration::ZERO).await;
    })
    .await;
    let unhurried = || get(server.url("127.0.0.1"));
    let whole = egress().send(unhurried(), &Reach::Any, Body::Whole).await.unwrap_err();
    assert_eq!(whole, EgressError::TooLarge(1 << 20));
    let first = Body::First { bytes: 6, within: Duration::from_secs(60) };
    let first = egress().send(unhurried(), &Reach::Any, first).await.unwrap();
    assert_eq!((&*first.body, first.cut_off), (&b"mootmo"[..], None));
}

#[tokio::test]
async fn an_announced_body_that_is_too_large_is_not_read() {
    let server =
        Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\nconnection: close\r\n\r\n")
            .await;
    let error = send(&server, Body::Whole).await.unwrap_err();
    assert_eq!(error, EgressError::TooLarge(1 << 20));
}

#[tokio::test]
async fn a_body_that_hangs_or_breaks_off_is_told_apart() {
    const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
    let hangs = Server::new(|mut stream: TcpStream| async move {
        let _ = stream.write_all(HALF.as_bytes()).await;
        head(&mut stream).await;
    })
    .await;
    let error = send(&hangs, Body::Whole).await.unwrap_err();
    assert_eq!(error, EgressError::Timeout("reading the answer"));
    let breaks = Server::saying(HALF).await;
    assert_eq!(send(&breaks, Body::Whole).await.unwrap_err().class(), AttemptError::Broken);
    let silent = Server::saying("").await;
    assert_eq!(send(&silent, Body::Whole).await.unwrap_err().class(), AttemptError::Broken);
}

#[tokio::test]
async fn nobody_who_listens_is_no_connection() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error =
        egress().send(get(format!("http://{address}/?k=hunter2")), &Reach::Any, Body::Whole).await;
    let error = error.unwrap_err();
    assert_eq!(error.class(), AttemptError::Connect);
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_certificate_of_nobody_is_no_connection() {
    let server = Server::saying(OK).await;
    let url = server.url("127.0.0.1").replace("http:", "https:");
    let error = egress().send(get(url), &Reach::Any, Body::Whole).await.unwrap_err();
    assert!([AttemptError::Connect, AttemptError::Timeout].contains(&error.class()), "{error}");
}

#[tokio::test]
async fn a_full_host_makes_others_of_it_wait_and_nobody_else() {
    let never = Server::new(|mut stream: TcpStream| async move {
        head(&mut stream).await;
    })
    .await;
    let (quick, config) = (Server::saying(OK).await, EgressConfig::default());
    let egress = Egress::new(&config).unwrap();
    let send = |url| egress.send(url, &Reach::Any, Body::Whole);
    let mut full: futures_util::stream::FuturesUnordered<_> =
        (0..config.connections_per_host).map(|_| send(get(never.url("127.0.0.1")))).collect();
    let others = async {
        while never.heads().len() < config.connections_per_host {
            tokio::task::yield_now().await;
        }
        let one_more = Outbound { timeout: Some(SHORT), ..get(never.url("127.0.0.1")) };
        let waited = send(one_more).await.unwrap_err();
        assert_eq!(waited, EgressError::Timeout("waiting for other requests to the same host"));
        tokio::time::timeout(SOON, send(get(quick.url("127.0.0.1")))).await.unwrap().unwrap();
    };
    tokio::select! {
        ended = futures_util::StreamExt::next(&mut full) => panic!("{ended:?}"),
        () = others => {}
    }
    assert_eq!(never.heads().len(), config.connections_per_host);
    drop(full);
    assert_eq!(egress.shared.admission.hosts.keys(), 0);
}

#[test]
fn a_proxy_in_the_environment_is_ignored() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let proxy = runtime.block_on(Server::saying("HTTP/1.1 502 Proxied\r\n\r\n"));
    let mut child = std::process::Command::new("/proc/self/exe");
    child.args(["--exact", "tests::bounds::a_request_is_sent_as_it_was_asked_for"]);
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        child.env(name, proxy.url("127.0.0.1"));
    }
    let ended = child.env_remove("no_proxy").env_remove("NO_PROXY").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(proxy.heads(), [""; 0]);
}
