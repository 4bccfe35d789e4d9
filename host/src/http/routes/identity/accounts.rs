//! Accounts that people have on platforms: linking, unlinking, finding.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::http::api::Api;
use crate::http::json_text::json_text;
use crate::http::middleware::body_schema::{person as person_id, request_body};
use crate::http::middleware::changes::Changing;
use crate::http::middleware::idempotency::Asked;
use crate::http::middleware::{body, idempotency};
use crate::http::problem::Problem;
use crate::http::routes::identity::asked::LinkedQuery;
use crate::http::routes::identity::lookup::{community, fresh, given, person, taken};
use moothall_core::effects::{Account, AccountKey, Claim};
use moothall_core::ids::PersonId;
use moothall_engine::calls::unresolved;
use moothall_engine::communities::{Community, ResolveError};
use moothall_store::{Tx, View};

/// A claim of an account; what `Claim` does not read itself is the community.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Link")]
#[expect(dead_code, reason = "`Claim` reads the other members")]
pub struct LinkBody {
    community_slug: String,
    platform_type: String,
    platform_identifier: String,
    #[schemars(extend("nullable" = true))]
    community_platform_id: Option<String>,
    #[schemars(schema_with = "person_id")]
    external_id: PersonId,
    #[serde(default)]
    #[schemars(with = "Value")]
    custom_data: Option<IgnoredAny>,
    #[schemars(extend("enum" = ["oauth", "manual admin", "email matching", "unknown", null]))]
    link_type: Option<String>,
    #[schemars(extend("enum" = ["unknown", "unconfirmed", "confirmed (weak)", "confirmed (strong)", null]))]
    link_quality: Option<String>,
}

request_body!(LinkBody);

pub async fn link_account(
    State(api): State<Arc<Api>>,
    Changing(change_event): Changing,
    request: Request,
) -> Result<Response, Problem> {
    let (bytes, answering) = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let text = body::text_of::<LinkBody>(&bytes)?;
    let body: LinkBody = body::from_text::<LinkBody, _>(&text)?;
    let community = community(&api, Some(&body.community_slug), "community_slug")?;
    let claim = Claim::parse(&text, None)
        .map_err(|cause| Problem::bad_request(format!("The account is not valid: {cause}")))?;
    let owner = person(&api, claim.person, "external_id")?;
    if owner.community != community.names.id {
        return Err(Problem::nobody_of(community.names.slug.as_str(), owner.id));
    }
    require_instance(&community, &claim.key)?;
    let (id, fresh, now) = (community.names.id, fresh()?, api.context.clock.now_ms());
    let slug = community.names.slug.clone();
    let make = move |tx: &Tx<'_>| {
        tx.require_community(id)?;
        let view = View::Account(id, claim.key.clone());
        let link = |tx: &Tx<'_>| tx.link_account(id, claim, fresh, now);
        let linked = tx.changing(Some(&change_event), id, &view, now, link)?;
        Ok(linked.map(|account| (StatusCode::OK, account.shown(slug.as_str()))))
    };
    let linked = answering.write(&api, "identity.link", make).await?;
    linked.map_err(|_| Problem::account_owned())
}

/// An account that is to be unlinked.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Unlink")]
pub struct UnlinkBody {
    /// The owner, if it is named.
    #[serde(default)]
    #[schemars(schema_with = "maybe_person")]
    external_id: Option<PersonId>,
    community_slug: String,
    platform_type: String,
    platform_identifier: String,
    #[schemars(extend("nullable" = true))]
    community_platform_id: Option<String>,
}

request_body!(UnlinkBody);

/// Drivers for Metagov send null for missing values.
fn maybe_person(schemas: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [person_id(schemas), { "type": "null" }] })
}

pub async fn unlink_account(
    State(api): State<Arc<Api>>,
    Changing(change_event): Changing,
    request: Request,
) -> Result<Response, Problem> {
    let (bytes, answering) = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let body: UnlinkBody = body::parse(&bytes)?;
    let community = community(&api, Some(&body.community_slug), "community_slug")?;
    let key =
        AccountKey::new(body.platform_type, body.platform_identifier, body.community_platform_id)
            .map_err(Problem::bad_request)?;
    let id = community.names.id;
    let person = body.external_id.map(|one| person(&api, Some(one), "external_id")).transpose()?;
    require_unambiguous(&api, &community, &key)?;
    let now = api.context.clock.now_ms();
    let make = move |tx: &Tx<'_>| {
        if let Some(person) = &person
            && let Some((_, owner)) = tx.reader().account(id, &key)?
            && owner != person.primary
        {
            return Ok(Err(Problem::others_account(person.id)));
        }
        let view = View::Account(id, key.clone());
        let unlink = |tx: &Tx<'_>| tx.unlink_account(id, &key);
        let is_unlinked = tx.changing(Some(&change_event), id, &view, now, unlink)?;
        let answer = is_unlinked.then_some((StatusCode::OK, "true".to_owned()));
        Ok(answer.ok_or_else(Problem::unknown_account))
    };
    answering.write(&api, "identity.unlink", make).await?
}

/// Without a `community_platform_id` this means only an account that has none.
fn require_unambiguous(api: &Api, community: &Community, key: &AccountKey) -> Result<(), Problem> {
    if key.community_platform_id.is_some() {
        return Ok(());
    }
    let (platform, name) = (&key.platform_type, &key.platform_identifier);
    let read = api.context.store.read(|r| r.accounts_named(community.names.id, platform, name));
    let named = read?;
    if named.is_empty() || named.iter().any(|account| account.key == *key) {
        return Ok(());
    }
    Err(Problem::bad_request("This account has a community_platform_id; say which is meant"))
}

/// The person's account on a platform, their own before one of those they are merged with.
pub async fn get_linked_account(
    State(api): State<Arc<Api>>,
    query: Result<Query<LinkedQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let query = taken(query)?;
    let person = person(&api, query.external_id, "external_id")?;
    let platform = given(query.platform_type, "platform_type")?;
    let wanted = query.community_platform_id.filter(|id| !id.is_empty());
    let mut accounts = api.context.store.read(|reader| reader.user(person.primary))?.accounts;
    accounts.retain(|account| {
        account.key.platform_type == platform && account.key.community_platform_id == wanted
    });
    let own = accounts.iter().find(|account| account.person == person.id).or(accounts.first());
    Ok(json_text(own.map_or_else(|| "{}".to_owned(), |account| account.shown(&person.slug))))
}

/// An account is on one of the community's platforms, chosen as for an action.
fn require_instance(community: &Community, key: &AccountKey) -> Result<(), Problem> {
    let (plugin, platform_id) = (&key.platform_type, key.community_platform_id.as_deref());
    match community.resolve(plugin, platform_id) {
        // No instance there has an id, so there is nothing to choose.
        Err(ResolveError::NoSuchPlatform(choices)) if choices.is_empty() => Ok(()),
        Err(error) => Err(unresolved(plugin, community, error).into()),
        Ok(_) => Ok(()),
    }
}

/// An account, or `{}` if there is none.
pub enum LinkedAccount {}

impl JsonSchema for LinkedAccount {
    fn schema_name() -> Cow<'static, str> {
        "LinkedAccount".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        let nothing = json_schema!({ "type": "object", "maxProperties": 0 });
        json_schema!({ "anyOf": [schemas.subschema_for::<Account>(), nothing] })
    }
}
