//! A delivery that is sent again by hand after it was found expired and before it is ended.

use super::EXPIRE_MS;
use crate::{Audience, EndpointRow, NewEvent, Store, Tx};
use moothall_core::config::StoreConfig;
use moothall_core::endpoint::{BodyFormat, EndpointKind, EndpointOrdering, UrlBy};
use moothall_core::ids::EndpointId;

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

#[tokio::test]
async fn what_is_sent_again_before_it_is_ended_goes_on_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let store =
        Store::open(&directory.path().join("moothall.db"), &StoreConfig::default()).unwrap();
    let add = |tx: &Tx<'_>| {
        let endpoint = tx.add_endpoint(&endpoint(), 9)?;
        tx.append_event(&event(endpoint.expect("there is room")))
    };
    store.write("test", add).await.unwrap();
    let over = store.read(|reader| reader.expired_deliveries(EXPIRE_MS, 9)).unwrap();
    assert_eq!(over.len(), 1);
    let one = over[0];
    assert!(store.write("test", move |tx| tx.resend_delivery(one, EXPIRE_MS)).await.unwrap());
    let end = move |tx: &Tx<'_>| tx.end_deliveries(&over, "dead", (EXPIRE_MS, EXPIRE_MS));
    assert_eq!(store.write("test", end).await.unwrap(), 0);
    let left = store.read(|reader| reader.waiting_delivery(one)).unwrap();
    assert_eq!(left.row().unwrap().expires_at, 2 * EXPIRE_MS);
}
