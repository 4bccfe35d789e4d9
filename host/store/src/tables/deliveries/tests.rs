//! When deliveries get their rows, and what becomes of one that is sent again by hand while it is about to end.

mod plans;

use super::{After, AttemptRow, EXPIRE_MS, Outcome};
use crate::{Audience, DeliveryFilter, EndpointRow, NewEvent, Store, StoreError, Tx};
use moothall_core::config::StoreConfig;
use moothall_core::endpoint::{AttemptError, BodyFormat, EndpointKind, EndpointOrdering, UrlBy};
use moothall_core::ids::{DeliveryId, EndpointId, Position};

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

struct Fixture {
    store: Store,
    _directory: tempfile::TempDir,
}

/// Has one endpoint that gets all events, with the row 1.
async fn fixture() -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("moothall.db");
    let store = Store::open(&path, &StoreConfig::default()).unwrap();
    let fixture = Fixture { store, _directory: directory };
    fixture.write(|tx| tx.add_endpoint(&endpoint(), 9).map(drop)).await.unwrap();
    fixture
}

impl Fixture {
    async fn write<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.store.write("test", run).await
    }

    /// Appends events for all endpoints, from that number on.
    async fn append(&self, first: i64, count: i64) {
        let append = move |tx: &Tx<'_>| {
            (first..first + count).try_for_each(|number| {
                let id = format!("evt_{number}");
                let audience = Audience::Endpoints;
                tx.append_event(NewEvent { id, audience, ..event(EndpointId(0)) })
            })
        };
        self.write(append).await.unwrap();
    }

    /// The states of all deliveries, the oldest first.
    fn states(&self) -> Vec<String> {
        let (filter, all) = (DeliveryFilter::default(), DeliveryId(i64::MAX));
        let listed = self.store.read(|reader| reader.deliveries(&filter, all, 9_999)).unwrap();
        listed.0.into_iter().rev().map(|one| one.state).collect()
    }

    fn without_rows(&self) -> Vec<i64> {
        let departures =
            |reader: &crate::Reader<'_>| reader.departures(reader.fanned_out()?, 9_999);
        let departures = self.store.read(departures).unwrap();
        departures.events.iter().map(|one| one.delivery.event.position.0).collect()
    }
}

fn outcome(position: i64, after: After, status: u16) -> Outcome {
    let attempt = AttemptRow {
        attempt: 1,
        started_at: 5,
        duration_ms: 6,
        status: Some(status),
        error: (after != After::Delivered).then_some(AttemptError::Status),
        detail: None,
        response: Some(b"answer".to_vec()),
    };
    Outcome {
        endpoint: EndpointId(1),
        delivery: None,
        position: Position(position),
        expires_at: EXPIRE_MS,
        attempt: Some(attempt),
        after,
        gone: false,
        at: 11,
    }
}

#[tokio::test]
async fn what_was_delivered_before_it_has_a_row_is_written_once_with_its_attempt() {
    let fixture = fixture().await;
    fixture.append(1, 3).await;
    assert_eq!((fixture.states().len(), fixture.without_rows()), (0, vec![1, 2, 3]));
    let delivered = [outcome(1, After::Delivered, 200)];
    fixture.write(move |tx| tx.finish_attempts(Position(2), &delivered)).await.unwrap();
    assert_eq!(fixture.states(), ["delivered", "waiting"]);
    assert_eq!(fixture.without_rows(), [3]);
    let attempts = fixture.store.read(|reader| reader.attempts(DeliveryId(1))).unwrap();
    let [only] = attempts.as_slice() else { panic!("{attempts:?}") };
    assert_eq!(
        (only.attempt, only.started_at, only.duration_ms, only.status),
        (1, 5, 6, Some(200))
    );
    assert_eq!(only.response.as_deref(), Some(&b"answer"[..]));
    // Its lane is free: the next is due.
    let due = fixture.store.read(|reader| reader.due_deliveries(EndpointId(1), 20, 9)).unwrap();
    assert_eq!(due, [(DeliveryId(2), Position(2))]);
}

#[tokio::test]
async fn what_failed_before_it_has_a_row_holds_up_its_lane() {
    let fixture = fixture().await;
    fixture.append(1, 3).await;
    let failed = [outcome(1, After::Due(77), 500)];
    fixture.write(move |tx| tx.finish_attempts(Position(0), &failed)).await.unwrap();
    assert_eq!(fixture.states(), ["waiting"]);
    fixture.write(|tx| tx.fan_out_all()).await.unwrap();
    assert_eq!(fixture.states(), ["waiting", "waiting", "waiting"]);
    let due = fixture.store.read(|reader| reader.due_deliveries(EndpointId(1), 999, 9)).unwrap();
    assert_eq!(due, [(DeliveryId(1), Position(1))], "the others are behind it");
    let attempts = fixture.store.read(|reader| reader.attempts(DeliveryId(1))).unwrap();
    assert_eq!(attempts[0].error, Some(AttemptError::Status));
}

#[tokio::test]
async fn a_row_that_was_written_during_the_attempt_gets_its_outcome() {
    let fixture = fixture().await;
    fixture.append(1, 2).await;
    fixture.write(|tx| tx.fan_out_all()).await.unwrap();
    let delivered = [outcome(1, After::Delivered, 204), outcome(2, After::Delivered, 204)];
    fixture.write(move |tx| tx.finish_attempts(Position(2), &delivered)).await.unwrap();
    assert_eq!(fixture.states(), ["delivered", "delivered"], "and none twice");
    let attempts = fixture.store.read(|reader| reader.attempts(DeliveryId(2))).unwrap();
    assert_eq!(attempts.len(), 1);
}

#[tokio::test]
async fn so_many_deliveries_have_no_row_and_no_more() {
    let fixture = fixture().await;
    fixture.append(1, 2_048).await;
    assert_eq!((fixture.states().len(), fixture.without_rows().len()), (0, 2_048));
    fixture.append(3_000, 1).await;
    assert_eq!((fixture.states().len(), fixture.without_rows().len()), (2_049, 0));
}

#[tokio::test]
async fn events_that_nobody_wants_are_not_looked_through() {
    let fixture = fixture().await;
    fixture.write(|tx| tx.delete_endpoint(EndpointId(1)).map(drop)).await.unwrap();
    fixture.append(1, 4_096).await;
    assert_eq!(fixture.store.read(|reader| reader.fanned_out()).unwrap(), Position(0));
    fixture.append(5_000, 1).await;
    assert_eq!(fixture.store.read(|reader| reader.fanned_out()).unwrap(), Position(4_097));
}

#[tokio::test]
async fn an_endpoint_that_is_gone_gets_no_rows() {
    let fixture = fixture().await;
    fixture.append(1, 1).await;
    let delete = |tx: &Tx<'_>| {
        tx.delete_endpoint(EndpointId(1))?;
        tx.purge_endpoints(&[EndpointId(1)])?;
        tx.fan_out_all()
    };
    fixture.write(delete).await.unwrap();
    let waiting = fixture.store.read(|reader| reader.waiting_deliveries()).unwrap();
    assert_eq!((waiting, fixture.without_rows()), ((0, None), vec![]));
}

#[tokio::test]
async fn an_event_whose_deliveries_have_no_row_is_kept() {
    let fixture = fixture().await;
    fixture.append(1, 2).await;
    let bounds = crate::AgeBounds { now: 99, first: 50, last: 50 };
    assert_eq!(fixture.write(move |tx| tx.purge_events(&bounds, 9)).await.unwrap(), 0);
    let delivered = [outcome(1, After::Delivered, 200)];
    fixture.write(move |tx| tx.finish_attempts(Position(1), &delivered)).await.unwrap();
    assert_eq!(fixture.write(move |tx| tx.purge_events(&bounds, 9)).await.unwrap(), 1);
    assert_eq!(fixture.without_rows(), [2]);
}

/// A store with one delivery, which expires at `EXPIRE_MS`.
async fn with_delivery() -> (tempfile::TempDir, Store, DeliveryId) {
    let directory = tempfile::tempdir().unwrap();
    let store =
        Store::open(&directory.path().join("moothall.db"), &StoreConfig::default()).unwrap();
    let add = |tx: &Tx<'_>| {
        let endpoint = tx.add_endpoint(&endpoint(), 9)?;
        tx.append_event(event(endpoint.expect("there is room")))
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
        let (delivery, position) = (Some(one), Position(1));
        let outcome =
            Outcome { endpoint, delivery, position, expires_at, attempt, after, gone, at };
        store
            .write("test", move |tx| tx.finish_attempts(Position::START, &[outcome]))
            .await
            .unwrap();
    };
    fail(began_with.expires_at).await;
    assert_eq!(waiting().and_then(|one| one.due_at), Some(2), "it is due at once");
    fail(sent_again.expires_at).await;
    assert!(waiting().is_none(), "the attempt that was sent again ends it");
}
