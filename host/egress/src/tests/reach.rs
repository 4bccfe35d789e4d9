//! Which addresses the client connects to, whatever the URL looks like and the name resolves to.

use super::*;
use moothall_core::endpoint::AttemptError;

async fn refused(egress: &Egress, url: String, reach: &Reach) -> String {
    match egress.send(get(url.clone()), reach, Body::Whole).await {
        Err(EgressError::Refused(why)) => why,
        other => panic!("{url}: {other:?}"),
    }
}

#[tokio::test]
async fn no_spelling_of_loopback_is_reached() {
    let (egress, server) = (egress(), Server::saying(OK).await);
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "127.1",
        "127.0.0.1.",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost",
        "LocalHost",
    ] {
        for reach in [Reach::Public, Reach::Also(["10.0.0.0/8".parse().unwrap()].into())] {
            refused(&egress, server.url(host), &reach).await;
        }
    }
    assert_eq!(server.heads(), [""; 0]);
}

#[tokio::test]
async fn an_operator_opens_addresses() {
    let server = Server::saying(OK).await;
    let own: Reach = Reach::Also(["127.0.0.0/8".parse().unwrap()].into());
    for reach in [own, Reach::Any, Reach::Loopback] {
        let answer =
            egress().send(get(server.url("127.0.0.1")), &reach, Body::Whole).await.unwrap();
        assert_eq!((answer.status, &*answer.body), (200, &b"ok"[..]), "{reach:?}");
    }
    let allow_cidr = vec!["127.0.0.1/32".parse().unwrap()];
    let config = EgressConfig { allow_cidr, ..EgressConfig::default() };
    let egress = scripted(&config, &[&["127.0.0.1"]]);
    assert!(egress.send(get(server.url("a.test")), &Reach::Public, Body::Whole).await.is_ok());
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_checked_again() {
    let server = Server::saying(OK).await;
    // The first answer is an allowed address, the second is not.
    let allow_cidr = vec!["127.0.0.1/32".parse().unwrap()];
    let config = EgressConfig { allow_cidr, ..EgressConfig::default() };
    let egress =
        scripted(&config, &[&["127.0.0.1"], &["127.0.0.2"], &["::1"], &["::ffff:10.0.0.1"]]);
    let url = || server.url("rebinding.test");
    assert!(egress.send(get(url()), &Reach::Public, Body::Whole).await.is_ok());
    for address in ["127.0.0.2", "::1", "10.0.0.1"] {
        let why = refused(&egress, url(), &Reach::Public).await;
        assert!(why.contains("`rebinding.test`") && why.contains(address), "{why}");
    }
    assert_eq!(server.heads().len(), 1);
}

#[tokio::test]
async fn one_refused_address_among_others_refuses_them_all() {
    let server = Server::saying(OK).await;
    let allow_cidr = vec!["127.0.0.1/32".parse().unwrap()];
    let config = EgressConfig { allow_cidr, ..EgressConfig::default() };
    let egress = scripted(&config, &[&["127.0.0.1", "169.254.169.254"]]);
    let why = refused(&egress, server.url("mixed.test"), &Reach::Public).await;
    assert!(why.contains("among others to 169.254.169.254"), "{why}");
    assert_eq!(server.heads(), [""; 0]);
}

#[tokio::test]
async fn connections_are_not_shared_between_reaches() {
    let server = Server::new(|mut stream: TcpStream| async move {
        loop {
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            if stream.write_all(answer.as_bytes()).await.is_err()
                || head(&mut stream).await.is_empty()
            {
                return;
            }
        }
    })
    .await;
    let egress = egress();
    let url = server.url("localhost");
    assert!(egress.send(get(&url), &Reach::Any, Body::Whole).await.is_ok());
    refused(&egress, url, &Reach::Public).await;
}

#[tokio::test]
async fn pinned_names_are_checked_like_others() {
    let server = Server::saying(OK).await;
    let resolve = [("Pinned.test".to_owned(), vec!["127.0.0.1".parse().unwrap()])].into();
    let config = EgressConfig { resolve, ..EgressConfig::default() };
    let egress = scripted(&config, &[]);
    refused(&egress, server.url("pinned.test"), &Reach::Public).await;
    assert!(egress.send(get(server.url("PINNED.test.")), &Reach::Any, Body::Whole).await.is_ok());
}

#[tokio::test]
async fn a_name_without_an_address_is_no_connection() {
    let egress = scripted(&EgressConfig::default(), &[&[]]);
    for _ in 0..2 {
        let error = egress.send(get("http://a.test/?k=hunter2"), &Reach::Public, Body::Whole).await;
        let error = error.unwrap_err();
        assert_eq!(error.class(), AttemptError::Connect);
        assert!(error.to_string().contains("`a.test`") && !error.to_string().contains("hunter2"));
    }
}
