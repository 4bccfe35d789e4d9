//! `moothall key`: creates, lists and revokes API keys, also while a host runs.

use anyhow::{Context, bail};
use clap::Subcommand;

use crate::cli::answer::answer;
use crate::cli::data_args::DataArgs;
use crate::http::new_key;
use moothall_core::clock::{Clock, rfc3339};
use moothall_core::day_budget::stored_today;
use moothall_store::Store;

/// The longest name of a key, in characters.
const NAME: usize = 100;

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create a key and print it. It cannot be shown again.
    Create {
        /// What it is for; shown in lists.
        name: String,
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
    /// Revoke a key by its id.
    Revoke {
        /// As `list` shows it.
        id: String,
        #[command(flatten)]
        data: DataArgs,
    },
}

pub fn key(command: KeyCommand) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    // The lock of the directory is held to the end.
    match command {
        KeyCommand::Create { name, new, data } => {
            let (store, _data) = data.store_or_new(new)?;
            runtime.block_on(create(&store, &name))
        }
        KeyCommand::List { data } => {
            let (store, _data) = data.store()?;
            list(&store)
        }
        KeyCommand::Revoke { id, data } => {
            let (store, _data) = data.store()?;
            runtime.block_on(revoke(&store, id))
        }
    }
}

async fn create(store: &Store, name: &str) -> anyhow::Result<()> {
    if name.trim().is_empty() || name.chars().count() > NAME {
        bail!("a key's name has 1 to {NAME} characters");
    }
    let (key, row) = new_key(name, Clock::system().now_ms())?;
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
        // A running host stores it every few seconds.
        let stored = stored_today(&days, &row.id, now);
        let until =
            row.revoked_at.map_or("valid".to_owned(), |at| format!("revoked {}", rfc3339(at)));
        let created = rfc3339(row.created_at);
        answer(&format!(
            "{}\t{}\tcreated {created}\t{until}\t{stored} bytes stored today",
            row.id, row.name
        ))?;
    }
    Ok(())
}

async fn revoke(store: &Store, id: String) -> anyhow::Result<()> {
    let (wanted, now) = (id.clone(), Clock::system().now_ms());
    if store.write("key.revoke", move |tx| tx.revoke_api_key(&wanted, now)).await? {
        return Ok(());
    }
    bail!("there is no valid key with the id {id}; `moothall key list` shows them")
}
