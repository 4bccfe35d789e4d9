//! Administration of endpoints: the writes that add, change and delete one, and the secrets that they seal. Must never
//! say how a client asks for them.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::ExposeSecret;

use crate::{SigningSecret, headers_context, secret_context};
use moothall_core::changes::Change;
use moothall_core::ids::{CommunityId, DeliveryId, EndpointId, new_event_id};
use moothall_core::secrets::Keyring;
use moothall_store::{Audience, EndpointRow, NewEvent, Rotated, Store, StoreError, Tx, View};

/// How long a secret that was replaced still signs, in milliseconds.
pub const OLD_SECRET_MS: i64 = 24 * 60 * 60 * 1000;
/// Deliveries that one write sends again.
const RECOVER_ROWS: usize = 500;

/// Why an endpoint could not be changed or read.
#[derive(Debug)]
pub enum EndpointError {
    Store(StoreError),
    /// A secret cannot be made, sealed or opened.
    Secret(String),
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Secret(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for EndpointError {}

impl From<StoreError> for EndpointError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn secret(error: impl fmt::Display) -> EndpointError {
    EndpointError::Secret(error.to_string())
}

/// The endpoints of a store, at a time.
#[derive(Clone, Copy)]
pub struct Endpoints<'a> {
    pub store: &'a Store,
    pub keyring: &'a Keyring,
    pub now: i64,
}

impl Endpoints<'_> {
    /// Adds an endpoint with that secret. False: there are `most` already.
    pub async fn add(
        &self,
        mut row: EndpointRow,
        signing: &SigningSecret,
        most: usize,
        change: Change,
    ) -> Result<bool, EndpointError> {
        row.secret = self.seal(&row.public_id, signing)?;
        let now = self.now;
        let add = move |tx: &Tx<'_>| {
            let (of, view) = (CommunityId(row.community), View::Endpoint(row.public_id.clone()));
            tx.changing(Some(&change), of, &view, now, |tx| tx.add_endpoint(&row, most))
        };
        Ok(self.store.write("endpoint.create", add).await?.is_some())
    }

    /// False: it is not as it was before any more.
    pub async fn put(
        &self,
        before: EndpointRow,
        after: EndpointRow,
        change: Change,
    ) -> Result<bool, StoreError> {
        let now = self.now;
        let put = move |tx: &Tx<'_>| {
            if !tx.is_still(&before)? {
                return Ok(false);
            }
            let (of, view) = (CommunityId(before.community), View::Endpoint(before.public_id));
            tx.changing(Some(&change), of, &view, now, |tx| tx.put_endpoint(&after))
        };
        self.store.write("endpoint.put", put).await
    }

    /// False: it is gone already.
    pub async fn delete(&self, row: EndpointRow, change: Change) -> Result<bool, StoreError> {
        let now = self.now;
        let delete = move |tx: &Tx<'_>| {
            let (of, view) = (CommunityId(row.community), View::Endpoint(row.public_id.clone()));
            tx.changing(Some(&change), of, &view, now, |tx| tx.delete_endpoint(row.id))
        };
        self.store.write("endpoint.delete", delete).await
    }

    /// Makes a new secret. Each that it replaces signs as well for a day, `most` at once.
    pub async fn rotate(
        &self,
        row: EndpointRow,
        most: usize,
        change: Change,
    ) -> Result<(Rotated, SigningSecret), EndpointError> {
        let signing = SigningSecret::generate().map_err(secret)?;
        let (sealed, now) = (self.seal(&row.public_id, &signing)?, self.now);
        let until = now + OLD_SECRET_MS;
        let (of, view) = (CommunityId(row.community), View::Endpoint(row.public_id));
        let rotate = move |tx: &Tx<'_>| tx.rotate_secret(row.id, &sealed, (now, until), most);
        let rotated = self
            .store
            .write("endpoint.rotate", move |tx| tx.changing(Some(&change), of, &view, now, rotate));
        Ok((rotated.await?, signing))
    }

    /// Sends again what ended in that state since then; how many deliveries that are.
    pub async fn recover(
        &self,
        row: EndpointId,
        state: &str,
        since: i64,
    ) -> Result<usize, StoreError> {
        let now = self.now;
        let (mut after, mut recovered) = (DeliveryId(0), 0);
        write_rows(self.store).await;
        loop {
            let (ids, next) = self.store.read(|reader| {
                reader.recoverable_deliveries(row, state, after, since, RECOVER_ROWS)
            })?;
            let resend = move |tx: &Tx<'_>| {
                let sent = ids.iter().map(|id| tx.resend_delivery(*id, now));
                Ok(sent.collect::<Result<Vec<bool>, _>>()?.into_iter().filter(|sent| *sent).count())
            };
            recovered += self.store.write("delivery.recover", resend).await?;
            match next {
                Some(next) => after = next,
                None => return Ok(recovered),
            }
        }
    }

    /// Headers as they are stored.
    pub fn seal_headers(
        &self,
        public_id: &str,
        headers: &BTreeMap<String, String>,
    ) -> Result<Vec<u8>, EndpointError> {
        let text = serde_json::to_string(headers).map_err(secret)?;
        self.keyring.seal(&headers_context(public_id), text.as_bytes()).map_err(secret)
    }

    /// The headers that are stored.
    pub fn open_headers(
        &self,
        row: &EndpointRow,
    ) -> Result<BTreeMap<String, String>, EndpointError> {
        if row.headers.is_empty() {
            return Ok(BTreeMap::new());
        }
        let opened = self.keyring.open(&headers_context(&row.public_id), &row.headers);
        let opened = opened.map_err(secret)?;
        serde_json::from_str(opened.expose_secret())
            .map_err(|_| secret("an endpoint's headers cannot be read"))
    }

    fn seal(&self, public_id: &str, signing: &SigningSecret) -> Result<Vec<u8>, EndpointError> {
        let sealed = self.keyring.seal(&secret_context(public_id), signing.text().as_bytes());
        sealed.map_err(secret)
    }
}

/// Gives each delivery its row, so that lists have those that were not written yet. While the store cannot write, lists
/// are without them.
pub async fn write_rows(store: &Store) {
    let is_missing = store.read(|reader| reader.has_rowless_deliveries());
    if is_missing.unwrap_or(false)
        && let Err(error) = store.write("delivery.rows", |tx| tx.fan_out_all()).await
    {
        tracing::debug!(%error, "deliveries that have no rows yet are not listed");
    }
}

/// Appends the event `ping`, for one endpoint alone; its id.
pub fn append_ping(
    tx: &Tx<'_>,
    row: &EndpointRow,
    now: i64,
    request_id: String,
) -> Result<String, StoreError> {
    let event = ping(row, now, request_id);
    let id = event.id.clone();
    tx.append_event(event)?;
    Ok(id)
}

fn ping(row: &EndpointRow, now: i64, request_id: String) -> NewEvent {
    let id = &row.public_id;
    NewEvent {
        id: new_event_id(now),
        community: None,
        slug: String::new(),
        key: format!("ping/{id}"),
        source: "moothall".into(),
        event_type: "ping".into(),
        time: now,
        data: serde_json::json!({ "endpoint": id }).to_string(),
        initiator: None,
        dedupe: None,
        origin: "ping",
        instance: None,
        request_id,
        audience: Audience::Endpoint(row.id),
    }
}
