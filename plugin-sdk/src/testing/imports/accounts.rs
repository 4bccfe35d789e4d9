//! `accounts`: the people of one community and their accounts. People are never merged.

use moothall_values::bounds::{ACCOUNT_BYTES, ACCOUNT_NAME_BYTES, ACCOUNTS, CUSTOM_DATA_BYTES};
use serde_json::{Value, json};

use super::{Answered, carried};
use crate::accounts::{Account, LinkQuality, LinkType};
use crate::testing::world::{World, now};
use crate::{Error, Result};

pub fn link(account: &str) -> Answered<String> {
    Ok(now(|world| {
        count(world)?;
        if account.len() > ACCOUNT_BYTES {
            return Err(Error::invalid(format!("an account has at most {ACCOUNT_BYTES} bytes")));
        }
        carried("the account", account)?;
        let claim: Account = serde_json::from_str(account)
            .map_err(|error| Error::invalid(format!("the account is not valid: {error}")))?;
        let claim = completed(world, claim);
        check(&claim)?;
        require(world, claim.platform_type.as_deref().unwrap_or_default())?;
        show(&settle(world, claim)?)
    })?)
}

/// Refuses texts that are too long for the real host.
fn check(claim: &Account) -> Result<()> {
    let names = [
        ("platform_type", claim.platform_type.as_deref().unwrap_or_default()),
        ("platform_identifier", claim.platform_identifier.as_str()),
        ("community_platform_id", claim.community_platform_id.as_deref().unwrap_or("none")),
    ];
    if let Some((what, _)) =
        names.iter().find(|(_, name)| !(1..=ACCOUNT_NAME_BYTES).contains(&name.len()))
    {
        return Err(Error::invalid(format!("`{what}` has 1 to {ACCOUNT_NAME_BYTES} bytes")));
    }
    let data = claim.custom_data.as_ref().map_or(0, |data| data.to_string().len());
    if data > CUSTOM_DATA_BYTES {
        let message = format!("`custom_data` has at most {CUSTOM_DATA_BYTES} bytes");
        return Err(Error::invalid(message));
    }
    claim.external_id.as_deref().map_or(Ok(()), |id| number(id).map(drop))
}

fn count(world: &mut World) -> Result<()> {
    let call = world.writing_call()?;
    call.accounts += 1;
    if call.accounts > ACCOUNTS {
        return Err(Error::conflict(format!("a call may change accounts {ACCOUNTS} times")));
    }
    Ok(())
}

/// Fills in what the author left out.
fn completed(world: &World, mut claim: Account) -> Account {
    claim.community = Some(world.community.clone());
    claim.community_platform_id = claim.community_platform_id.filter(|id| !id.is_empty());
    claim.platform_type.get_or_insert_with(|| world.plugin());
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
        count(world)?;
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

/// Refuses other platforms' accounts, as the real host does without the grant.
fn require(world: &World, platform: &str) -> Result<()> {
    if world.has_accounts_of(platform) {
        return Ok(());
    }
    Err(Error::forbidden(format!(
        "accounts of `{platform}` are not this plugin's; ask for them: `requests(accounts(\"{platform}\"))`"
    )))
}

fn person(world: &World, id: &str) -> Result<()> {
    let is_known = (1..=world.kept.people).contains(&number(id)?);
    if is_known { Ok(()) } else { Err(Error::not_found(format!("there is no person '{id}'"))) }
}

/// Reads an id as a number.
fn number(id: &str) -> Result<u64> {
    let digits = id.bytes().all(|byte| byte.is_ascii_digit());
    let number = id.parse().ok().filter(|number| digits && (1..1 << 53).contains(number));
    number.ok_or_else(|| {
        Error::invalid(format!(
            "`{id}` is no external_id: a whole number of 1 to 2^53, as it was answered"
        ))
    })
}

/// Adds the community, which an author never sets.
fn show(account: &Account) -> Result<String> {
    Ok(shown(account)?.to_string())
}

fn shown(account: &Account) -> Result<Value> {
    let mut shown = serde_json::to_value(account)?;
    shown["community"] = json!(account.community);
    Ok(shown)
}
