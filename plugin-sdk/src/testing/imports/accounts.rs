//! `accounts`: people and their accounts, one community of them. Nobody is merged with anybody.

use serde_json::{Value, json};

use super::types::Error as Refusal;
use crate::accounts::{Account, LinkQuality, LinkType};
use crate::testing::world::{World, now};
use crate::{Error, Result};

type Answered<T> = std::result::Result<T, Refusal>;

pub fn link(account: &str) -> Answered<String> {
    Ok(now(|world| {
        world.writing_call()?;
        let claim: Account = serde_json::from_str(account)
            .map_err(|error| Error::invalid(format!("the account is not valid: {error}")))?;
        if claim.platform_identifier.is_empty() {
            return Err(Error::invalid("an account has a 'platform_identifier'"));
        }
        let claim = completed(world, claim);
        require(world, claim.platform_type.as_deref().unwrap_or_default())?;
        show(&settle(world, claim)?)
    })?)
}

/// What the author left out.
fn completed(world: &World, mut claim: Account) -> Account {
    claim.community = Some(world.community.clone());
    claim.platform_type.get_or_insert_with(|| world.plugin().to_owned());
    claim.link_type.get_or_insert(LinkType::Unknown);
    claim.link_quality.get_or_insert(LinkQuality::Unknown);
    claim
}

fn settle(world: &mut World, mut claim: Account) -> Result<Account> {
    if let Some(id) = &claim.external_id {
        person(world, id)?;
    }
    let Some(stored) = world.kept.accounts.iter_mut().find(|one| is_same(one, &claim)) else {
        claim.external_id.get_or_insert_with(|| {
            world.kept.people += 1;
            world.kept.people.to_string()
        });
        world.kept.accounts.push(claim.clone());
        return Ok(claim);
    };
    let is_owner = claim.external_id.is_none() || claim.external_id == stored.external_id;
    if claim.link_quality > stored.link_quality {
        claim.external_id = claim.external_id.or_else(|| stored.external_id.clone());
        *stored = claim;
    } else if !is_owner {
        return Err(Error::conflict(
            "the account is linked to another person with at least this link_quality",
        ));
    }
    Ok(stored.clone())
}

fn is_same(one: &Account, other: &Account) -> bool {
    one.platform_type == other.platform_type
        && one.platform_identifier == other.platform_identifier
        && one.community_platform_id == other.community_platform_id
}

pub fn unlink(platform: &str, identifier: &str, community: Option<&str>) -> Answered<bool> {
    Ok(now(|world| {
        world.writing_call()?;
        require(world, platform)?;
        let before = world.kept.accounts.len();
        world.kept.accounts.retain(|account| !is_named(account, platform, identifier, community));
        Ok::<_, Error>(world.kept.accounts.len() < before)
    })?)
}

pub fn find(platform: &str, identifier: &str, community: Option<&str>) -> Answered<Option<String>> {
    Ok(now(|world| {
        world.instance_call()?;
        require(world, platform)?;
        let mut accounts = world.kept.accounts.iter();
        let found = accounts.find(|one| is_named(one, platform, identifier, community));
        found.map(show).transpose()
    })?)
}

fn is_named(account: &Account, platform: &str, identifier: &str, community: Option<&str>) -> bool {
    account.platform_type.as_deref() == Some(platform)
        && account.platform_identifier == identifier
        && account.community_platform_id.as_deref() == community
}

pub fn user(external_id: &str) -> Answered<String> {
    Ok(now(|world| {
        world.instance_call()?;
        person(world, external_id)?;
        let theirs = |one: &&Account| {
            one.external_id.as_deref() == Some(external_id)
                && one.platform_type.as_deref().is_some_and(|of| world.has_accounts_of(of))
        };
        let accounts = world.kept.accounts.iter().filter(theirs).map(shown);
        let accounts: Vec<Value> = accounts.collect::<Result<_>>()?;
        let user = json!({
            "source_ID": external_id, "primary_ID": external_id, "linked_accounts": accounts
        });
        Ok::<_, Error>(user.to_string())
    })?)
}

/// The real host refuses the same, and names the line to add.
fn require(world: &World, platform: &str) -> Result<()> {
    if world.has_accounts_of(platform) {
        return Ok(());
    }
    Err(Error::forbidden(format!(
        "accounts of `{platform}` are not this plugin's; ask for them: `requests(accounts(\"{platform}\"))`"
    )))
}

fn person(world: &World, id: &str) -> Result<()> {
    let number: Option<u64> = id.parse().ok();
    let is_known = number.is_some_and(|number| (1..=world.kept.people).contains(&number));
    if is_known { Ok(()) } else { Err(Error::not_found(format!("there is no person '{id}'"))) }
}

/// With the community, which an author never says.
fn show(account: &Account) -> Result<String> {
    Ok(shown(account)?.to_string())
}

fn shown(account: &Account) -> Result<Value> {
    let mut shown = serde_json::to_value(account)?;
    shown["community"] = json!(account.community);
    Ok(shown)
}
