//! `moothall key`: API keys, created and revoked beside a running host.

use anyhow::{Context, bail};
use clap::Subcommand;

use super::{DataArgs, answer};
use crate::clock::{Clock, rfc3339};
use crate::http::new_key;
use crate::store::Store;

/// Longest name of a key, in characters.
const NAME: usize = 100;

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create a key and print it. It cannot be shown again.
    Create {
        /// What it is for; shown in lists.
        name: String,
        #[command(flatten)]
        data: DataArgs,
    },
    /// List keys, revoked ones too, without their secrets.
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
    // The directory's lock is held to the end.
    match command {
        KeyCommand::Create { name, data } => {
            let (store, _data) = data.store_or_new()?;
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
    for row in store.read(|reader| reader.api_keys())? {
        let until =
            row.revoked_at.map_or("valid".to_owned(), |at| format!("revoked {}", rfc3339(at)));
        answer(&format!("{}\t{}\tcreated {}\t{until}", row.id, row.name, rfc3339(row.created_at)))?;
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
