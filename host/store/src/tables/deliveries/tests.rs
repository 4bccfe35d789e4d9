//! A delivery that is sent again by hand while it is about to end.

use super::{After, EXPIRE_MS, Outcome};
use crate::{Audience, EndpointRow, NewEvent, Store, Tx};
use moothall_core::config::StoreConfig;
use moothall_core::endpoint::{BodyFormat, EndpointKind, EndpointOrdering, UrlBy};
use moothall_core::ids::{DeliveryId, EndpointId};

fn endpoint() -> EndpointRow {
    EndpointRow {
        id: EndpointId(0),
        public_id: "ep_1".into(),
        kind: EndpointKind::Endpoint,
        url: "https://example.com/".into(),
        url_by: UrlBy::Api,
        description: String::new(),
        community: 0,
        event_types: r#"["*"]"#.into(),
        format: BodyFormat::Standard,
        form: false,
        headers: Vec::new(),
        ordering: EndpointOrdering::Fifo,
        timeout_ms: 1_000,
        enabled: true,
        disabled_reason: None,
        secret: Vec::new(),
        old_secret_until: None,
        created_at: 0,
    }
}

fn event(endpoint: EndpointId) -> NewEvent {
    NewEvent {
        id: "evt_1".into(),
        community: None,
        slug: String::new(),
        key: "k".into(),
        source: "s".into(),
        event_type: "t".into(),
        time: 0,
        data: "1".into(),
        initiator: None,
        dedupe: None,
        origin: "published",
        instance: None,
        request_id: "r".into(),
        audience: Audience::Endpoint(endpoint),
    }
}

/// A store with one delivery, which expires at `EXPIRE_MS`.
async fn with_delivery() -> (tempfile::TempDir, Store, DeliveryId) {
    let directory = tempfile::tempdir().unwrap();
    let store =
        Store::open(&directory.path().join("moothall.db"), &StoreConfig::default()).unwrap();
    let add = |tx: &Tx<'_>| {
        let endpoint = tx.add_endpoint(&endpoint(), 9)?;
        tx.append_event(&event(endpoint.expect("there is room")))
    };
    store.write("test", add).await.unwrap();
    let over = store.read(|reader| reader.expired_deliveries(EXPIRE_MS, 9)).unwrap();
    let [delivery] = over[..] else { panic!("{over:?}") };
    (directory, store, delivery)
}

#[tokio::test]
async fn what_is_sent_again_before_it_is_ended_goes_on_waiting() {
    let (_directory, store, one) = with_delivery().await;
    assert!(store.write("test", move |tx| tx.resend_delivery(one, EXPIRE_MS)).await.unwrap());
    let end = move |tx: &Tx<'_>| tx.end_deliveries(&[one], "dead", (EXPIRE_MS, EXPIRE_MS));
    assert_eq!(store.write("test", end).await.unwrap(), 0);
    let left = store.read(|reader| reader.waiting_delivery(one)).unwrap();
    assert_eq!(left.row().unwrap().expires_at, 2 * EXPIRE_MS);
}

#[tokio::test]
async fn an_attempt_that_began_before_it_was_sent_again_does_not_end_it() {
    let (_directory, store, one) = with_delivery().await;
    let waiting = || store.read(|reader| reader.waiting_delivery(one)).unwrap().row();
    let began_with = waiting().unwrap();
    assert!(store.write("test", move |tx| tx.resend_delivery(one, 1)).await.unwrap());
    let sent_again = waiting().unwrap();
    let fail = async |expires_at: i64| {
        let endpoint = EndpointId(1);
        let (attempt, after, gone, at) = (None, After::Dead, false, 2);
        let outcome = Outcome { endpoint, delivery: one, expires_at, attempt, after, gone, at };
        store.write("test", move |tx| tx.finish_attempt(&outcome)).await.unwrap();
    };
    fail(began_with.expires_at).await;
    assert_eq!(waiting().and_then(|one| one.due_at), Some(2), "it is due at once");
    fail(sent_again.expires_at).await;
    assert!(waiting().is_none(), "the attempt that was sent again ends it");
}
