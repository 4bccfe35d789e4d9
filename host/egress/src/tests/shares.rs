//! What one sender leaves to the others: permits, and idle connections.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::*;
use moothall_core::endpoint::AttemptError;

/// More than enough for what must not wait, and far below the time of a request.
const SOON: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(300);

fn plugin(name: &str) -> Sender {
    Sender::Plugin(PluginName::parse(name).unwrap())
}

fn shortly(url: String) -> Outbound {
    Outbound { timeout: Some(SHORT), ..get(url) }
}

async fn never() -> Server {
    Server::new(|mut stream: TcpStream| async move {
        head(&mut stream).await;
    })
    .await
}

async fn until_asked(server: &Server, times: usize) {
    while server.heads().len() < times {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_plugin_whose_requests_hang_leaves_a_quarter_of_the_connections_to_others() {
    let (hangs, quick) = (never().await, Server::saying(OK).await);
    let config = EgressConfig { connections: 4, ..EgressConfig::default() };
    let egress = Egress::new(&config).unwrap();
    let (greedy, modest) = (egress.of(plugin("greedy")), egress.of(plugin("modest")));
    let send = |who: &Egress, request| {
        let who = who.clone();
        async move { who.send(request, &Reach::Any, Body::Whole).await }
    };
    let mut held: FuturesUnordered<_> =
        (0..3).map(|_| send(&greedy, get(hangs.url("127.0.0.1")))).collect();
    let others = async {
        until_asked(&hangs, 3).await;
        let one_more = send(&greedy, shortly(quick.url("127.0.0.1"))).await.unwrap_err();
        assert_eq!(one_more, EgressError::Timeout("waiting for other requests of the plugin"));
        for other in [&modest, &egress.of(Sender::Hooks), &egress] {
            let sent = send(other, get(quick.url("127.0.0.1")));
            tokio::time::timeout(SOON, sent).await.unwrap().unwrap();
        }
    };
    tokio::select! {
        ended = held.next() => panic!("{ended:?}"),
        () = others => {}
    }
}

#[tokio::test]
async fn that_no_connection_is_free_is_the_host_s_doing_and_not_the_filter_s() {
    let (hangs, quick) = (never().await, Server::saying(OK).await);
    let config = EgressConfig { hook_connections: 1, ..EgressConfig::default() };
    let hooks = Egress::new(&config).unwrap().of(Sender::Hooks);
    let send = |request| hooks.send(request, &Reach::Any, Body::Whole);
    let others = async {
        until_asked(&hangs, 1).await;
        let refused = send(shortly(quick.url("127.0.0.1"))).await.unwrap_err();
        assert_eq!(refused.class(), AttemptError::Exhausted);
        assert!(refused.to_string().contains("hook_connections"), "{refused}");
    };
    tokio::select! {
        ended = send(get(hangs.url("127.0.0.1"))) => panic!("{ended:?}"),
        () = others => {}
    }
    assert_eq!(quick.heads(), [""; 0]);
}

/// Answers each request of a connection until the other side closes it, and counts open
/// connections.
async fn kept_open(mut stream: TcpStream, open: &AtomicUsize) {
    open.fetch_add(1, Ordering::SeqCst);
    loop {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        if stream.write_all(answer).await.is_err() || head(&mut stream).await.is_empty() {
            break;
        }
    }
    open.fetch_sub(1, Ordering::SeqCst);
}

#[tokio::test]
async fn connections_that_nobody_uses_are_no_more_than_may_be_kept() {
    let open: &'static AtomicUsize = Box::leak(Box::default());
    let server = |_| Server::new(move |stream| kept_open(stream, open));
    let servers = futures_util::future::join_all((0..11).map(server)).await;
    let config = EgressConfig { idle_connections: 3, ..EgressConfig::default() };
    let egress = Egress::new(&config).unwrap().of(plugin("wanders"));
    for server in &servers {
        egress.send(get(server.url("127.0.0.1")), &Reach::Any, Body::Whole).await.unwrap();
    }
    let few = async {
        while open.load(Ordering::SeqCst) > config.idle_connections {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, few).await.unwrap();
    // A kept connection is used again.
    let last = servers.last().unwrap();
    egress.send(get(last.url("127.0.0.1")), &Reach::Any, Body::Whole).await.unwrap();
    assert_eq!(last.heads().len(), 1, "a second connection would have a first head of its own");
}
