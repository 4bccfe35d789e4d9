//! The people and communities that a request of the identity routes names.

use std::sync::Arc;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;

use crate::http::api::Api;
use crate::http::problem::Problem;
use moothall_core::ids::PersonId;
use moothall_engine::communities::Community;
use moothall_store::PersonRow;

pub fn taken<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    query.map(|Query(query)| query).map_err(|_| Problem::unread_query())
}

pub fn given<T>(value: Option<T>, name: &str) -> Result<T, Problem> {
    value.ok_or_else(|| Problem::bad_request(format!("`{name}` is missing")))
}

pub fn community(api: &Api, slug: Option<&str>, name: &str) -> Result<Arc<Community>, Problem> {
    let slug = given(slug, name)?;
    api.context.communities.get(slug).ok_or_else(|| Problem::unknown_community(slug))
}

pub fn person(api: &Api, id: Option<PersonId>, name: &str) -> Result<PersonRow, Problem> {
    let id = given(id, name)?;
    let row = api.context.store.read(|reader| reader.person(id))?;
    row.ok_or_else(|| Problem::unknown_person(id))
}

pub fn fresh() -> Result<PersonId, Problem> {
    PersonId::random()
        .map_err(|error| Problem::internal(format!("there is no randomness: {error}")))
}
