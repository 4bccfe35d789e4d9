//! `moothall key`: creates, lists, rotates and revokes API keys, also while a host runs.

mod expiry;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::cli::answer::answer;
use crate::cli::data_args::DataArgs;
use crate::http::{Purpose, new_secret};
use expiry::{Expiry, Kept};
use moothall_core::clock::{Clock, rfc3339};
use moothall_core::day_budget::stored_today;
use moothall_core::scope::Scope;
use moothall_store::{ApiKeyRow, Store};

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create a key and print it. It cannot be shown again.
    Create {
        #[command(flatten)]
        made: Made,
        /// Make the data directory if it is not there, and a new database where the old one is gone.
        #[arg(long)]
        new: bool,
        #[command(flatten)]
        data: DataArgs,
    },
    /// List keys, revoked ones too, without their secrets; and what each had stored today.
    List {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Give a key another secret and print it. The one that it has still counts for a while.
    Rotate {
        /// As `list` shows it.
        id: String,
        /// How long the replaced secret still counts: `24h`, `7d`, or `0h`.
        #[arg(long, value_name = "TIME", default_value = "24h")]
        keep: Kept,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Revoke a key by its id.
    Revoke {
        /// As `list` shows it.
        id: String,
        #[command(flatten)]
        data: DataArgs,
    },
}

/// The options of `key create`.
#[derive(Debug, Args)]
pub struct Made {
    /// A name for whoever will use the key; lists show it.
    name: String,
    /// Scopes, which say what the key allows: `read`, `drive`, `operate`, `metrics` or `admin`; several with commas.
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', default_value = "admin")]
    scopes: Vec<Scope>,
    /// When it ends: a time, or a while from now such as `12h` or `90d`. Without it, never.
    #[arg(long, value_name = "TIME")]
    expires: Option<Expiry>,
}

pub fn key(command: KeyCommand) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    // The lock of the directory is held to the end.
    match command {
        KeyCommand::Create { made, new, data } => {
            let (store, _data) = data.store_or_new(new)?;
            runtime.block_on(create(&store, made))
        }
        KeyCommand::List { data } => {
            let (store, _data) = data.store()?;
            list(&store)
        }
        KeyCommand::Rotate { id, keep, data } => {
            let (store, _data) = data.store()?;
            runtime.block_on(rotate(&store, id, keep))
        }
        KeyCommand::Revoke { id, data } => {
            let (store, _data) = data.store()?;
            runtime.block_on(revoke(&store, id))
        }
    }
}

async fn create(store: &Store, made: Made) -> anyhow::Result<()> {
    let now = Clock::system().now_ms();
    let expires_at = made.expires.map(|expiry| expiry.after(now));
    let purpose = Purpose { name: made.name, scopes: made.scopes, expires_at };
    if let Some(fault) = purpose.fault(now) {
        bail!("{fault}");
    }
    let (key, row) = purpose.key(now)?;
    let id = row.id.clone();
    store.write("key.create", move |tx| tx.add_api_key(&row)).await?;
    answer(&key).with_context(|| {
        format!("the key was created but nobody has seen it; `moothall key revoke {id}` removes it")
    })
}

fn list(store: &Store) -> anyhow::Result<()> {
    let (rows, days) = store.read(|reader| Ok((reader.api_keys()?, reader.stored_days()?)))?;
    let now = Clock::system().now_ms();
    for row in rows {
        // A running host stores both from time to time.
        let stored = stored_today(&days, &row.id, now);
        let used = row
            .last_used_at
            .map_or("not used".to_owned(), |at| format!("last used {}", rfc3339(at)));
        let (created, validity) = (rfc3339(row.created_at), validity(&row, now));
        answer(&format!(
            "{}\t{}\t{}\tcreated {created}\t{validity}\t{used}\t{stored} bytes stored today",
            row.id, row.name, row.scopes
        ))?;
    }
    Ok(())
}

fn validity(row: &ApiKeyRow, now: i64) -> String {
    match (row.revoked_at, row.expires_at) {
        (Some(at), _) => format!("revoked {}", rfc3339(at)),
        (None, Some(at)) if at <= now => format!("expired {}", rfc3339(at)),
        (None, Some(at)) => format!("valid until {}", rfc3339(at)),
        (None, None) => "valid".to_owned(),
    }
}

async fn rotate(store: &Store, id: String, keep: Kept) -> anyhow::Result<()> {
    let (key, hash) = new_secret(&id)?;
    let now = Clock::system().now_ms();
    let (until, wanted) = (keep.after(now), id.clone());
    let rotated =
        store.write("key.rotate", move |tx| tx.rotate_api_key(&wanted, &hash, until, now)).await?;
    if !rotated {
        bail!(no_valid_key(&id));
    }
    answer(&key).context("the key was rotated but nobody has seen the new secret; rotate it again")
}

async fn revoke(store: &Store, id: String) -> anyhow::Result<()> {
    let (wanted, now) = (id.clone(), Clock::system().now_ms());
    if store.write("key.revoke", move |tx| tx.revoke_api_key(&wanted, now)).await? {
        return Ok(());
    }
    bail!(no_valid_key(&id))
}

fn no_valid_key(id: &str) -> String {
    format!("there is no valid key with the id {id}; `moothall key list` shows them")
}
