//! `/api/internal/identity`: people of communities, and their accounts on platforms.
//!
//! The handlers read and write the store directly, without a plugin; `effects::accounts` decides what a claim makes of
//! a linked account.

mod accounts;
mod asked;
mod lookup;
mod people;

use crate::http::problem::code::Code;
use crate::http::route::failure::Failure;
use crate::http::route::{Route, failure, get, post, query};
use moothall_core::effects::Account;
use moothall_core::ids::PersonId;
use moothall_core::scope::Scope;

use accounts::{
    LinkBody, LinkedAccount, UnlinkBody, get_linked_account, link_account, unlink_account,
};
use people::{
    CreateBody, MergeBody, PersonJson, create_id, filter_users_by_account, get_user, get_users,
    merge_ids,
};

const PERSON: &[Failure] = &[(400, Code::UnknownPerson)];
/// The community was deleted meanwhile.
const GONE: &[Failure] = &[(409, Code::InstanceReplaced)];

pub fn routes() -> Vec<Route> {
    vec![
        post("/api/internal/identity/create_id", "createPeople", "Makes people", create_id)
            .needs(Scope::Drive)
            .body::<CreateBody>()
            .answers::<Vec<PersonId>>(201)
            .changes(("person", None))
            .fails(GONE)
            .fails(failure::COMMUNITY),
        post("/api/internal/identity/merge_ids", "mergePeople", "Makes two people one", merge_ids)
            .needs(Scope::Drive)
            .body::<MergeBody>()
            .answers::<PersonJson>(200)
            .changes(("person", None))
            .fails(PERSON),
        post(
            "/api/internal/identity/link_account",
            "linkAccount",
            "Links an account to a person",
            link_account,
        )
        .needs(Scope::Drive)
        .body::<LinkBody>()
        .answers::<Account>(200)
        .changes_of(("person", None), ("account", None))
        .fails(GONE)
        .fails(PERSON)
        .fails(failure::CHOICE)
        .fails(&[(409, Code::AccountOwned)]),
        post(
            "/api/internal/identity/unlink_account",
            "unlinkAccount",
            "Removes a linked account",
            unlink_account,
        )
        .needs(Scope::Drive)
        .body::<UnlinkBody>()
        .answers::<bool>(200)
        .changes_of(("person", None), ("account", None))
        .fails(PERSON)
        .fails(failure::COMMUNITY)
        .fails(&[(400, Code::UnknownAccount), (409, Code::AccountOwned)]),
        get(
            "/api/internal/identity/get_user",
            "getPerson",
            "A person with all linked accounts",
            get_user,
        )
        .needs(Scope::Read)
        .query(&[query::PERSON.needed()])
        .answers::<PersonJson>(200)
        .fails(PERSON),
        get(
            "/api/internal/identity/get_users",
            "listPeople",
            "People by their accounts",
            get_users,
        )
        .needs(Scope::Read)
        .query(&[
            query::COMMUNITY.needed(),
            query::PLATFORM_TYPE,
            query::PLATFORM_ID,
            query::LINK_TYPE,
            query::LINK_QUALITY,
            query::PLATFORM_IDENTIFIER,
            query::AFTER_PERSON,
            query::LIMIT,
        ])
        .answers::<Vec<PersonJson>>(200)
        .fails(failure::COMMUNITY),
        get(
            "/api/internal/identity/filter_users_by_account",
            "filterPeopleByAccount",
            "Which of some people have such an account",
            filter_users_by_account,
        )
        .needs(Scope::Read)
        .query(&[
            query::PEOPLE.needed(),
            query::COMMUNITY.needed(),
            query::PLATFORM_TYPE,
            query::PLATFORM_ID,
            query::LINK_TYPE,
            query::LINK_QUALITY,
            query::PLATFORM_IDENTIFIER,
        ])
        .answers::<Vec<PersonId>>(200)
        .fails(failure::COMMUNITY),
        get(
            "/api/internal/identity/get_linked_account",
            "getLinkedAccount",
            "A person's account on a platform",
            get_linked_account,
        )
        .needs(Scope::Read)
        .query(&[query::PERSON.needed(), query::PLATFORM_TYPE.needed(), query::PLATFORM_ID])
        .answers::<LinkedAccount>(200)
        .fails(PERSON),
    ]
}
