//! Reads the change event (`api.change`) of a request from its method, URL, route and API key.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::http::api::Api;
use crate::http::keys::Caller;
use crate::http::middleware::path;
use crate::http::route::{ChangeEvent, Route};
use moothall_core::changes::{Change, Statuses};
use moothall_core::ids::RequestId;

/// The status of the answer when a resource was created, changed or removed.
const STATUSES: Statuses = Statuses { created: 201, changed: 200, removed: 204 };

/// The change that a request makes, without what only the handler knows: the id of a new resource, the outcome.
pub struct Changing(pub Change);

impl FromRequestParts<Arc<Api>> for Changing {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Parts, _: &Arc<Api>) -> Result<Self, Infallible> {
        let mut change = of_request(head);
        let route = head.extensions.get::<&'static Route>();
        if let Some(ChangeEvent::Of((resource, id), part)) = route.map(|route| route.change_event) {
            let values = path::values(head).unwrap_or_default();
            let value = |wanted: &str| {
                let found = values.iter().find(|(name, _)| *name == wanted);
                found.map(|(_, value)| value.clone())
            };
            change.resource = resource.to_owned();
            change.resource_id = id.and_then(value);
            change.sub_resource = part.map(|(name, _)| name.to_owned());
            change.sub_resource_id = part.and_then(|(_, id)| id).and_then(value);
        }
        Ok(Self(change))
    }
}

fn of_request(head: &Parts) -> Change {
    let request_id = head.extensions.get::<RequestId>().map(ToString::to_string);
    Change {
        author: head.extensions.get::<Caller>().map(|key| key.name().to_owned()),
        method: head.method.as_str().to_owned(),
        url: head.uri.to_string(),
        path: head.uri.path().to_owned(),
        query_string: head.uri.query().map(str::to_owned),
        status: STATUSES.changed,
        statuses: STATUSES,
        request_id: request_id.unwrap_or_default(),
        ..Change::default()
    }
}
