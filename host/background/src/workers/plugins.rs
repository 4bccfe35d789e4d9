//! The workers that plugins declare: when a plugin file is loaded or replaced, each instance gets a row for each of
//! them, and is asked again whether it is enabled.

use std::sync::Arc;

use super::shared::{INSTANCES, Workers};
use super::under_way::WorkersUnderWay;
use moothall_core::ids::{InstanceId, PluginDigestId};
use moothall_store::{NewWorker, StoreError, Tx};

impl Workers {
    /// Plugins that were loaded, replaced, or are back.
    pub(super) async fn note_plugins(&self, under_way: &mut WorkersUnderWay) {
        let all = self.context.plugins.all();
        under_way.known.retain(|name, _| all.iter().any(|plugin| plugin.name == *name));
        for plugin in all {
            // The same file with another configuration may want other events.
            let now = Arc::downgrade(&plugin);
            let before = under_way.known.insert(plugin.name.clone(), now.clone());
            if before.is_some_and(|before| before.ptr_eq(&now)) {
                continue;
            }
            for worker in &plugin.workers {
                let (name, row) = (plugin.name.as_str(), worker.row());
                let asked = self.ask_again(name, &row, plugin.digest_id).await;
                let added = self.add_worker(name, row).await;
                if let Err(error) = asked.and(added) {
                    let worker = &worker.name;
                    tracing::warn!(%error, plugin = name, %worker, "a worker of some instances is not there yet");
                    under_way.known.remove(name);
                }
            }
            let communities = &self.context.communities;
            under_way.queue.rouse(|instance| {
                communities.instance(instance).is_some_and(|one| one.plugin == plugin.name)
            });
        }
    }

    async fn ask_again(
        &self,
        plugin: &str,
        row: &NewWorker,
        digest_id: PluginDigestId,
    ) -> Result<(), StoreError> {
        loop {
            let (plugin, row) = (plugin.to_owned(), row.clone());
            let ask = move |tx: &Tx<'_>| tx.ask_workers_again(&plugin, &row, digest_id, INSTANCES);
            if self.context.store.write("worker.ask", ask).await? < INSTANCES {
                return Ok(());
            }
        }
    }

    async fn add_worker(&self, plugin: &str, worker: NewWorker) -> Result<(), StoreError> {
        let mut after = Some(InstanceId(0));
        while let Some(from) = after {
            let (lacking, next) = self
                .context
                .store
                .read(|r| r.without_worker(plugin, &worker.name, from, INSTANCES))?;
            after = next;
            let worker = worker.clone();
            let add = move |tx: &Tx<'_>| {
                lacking.iter().try_for_each(|instance| tx.put_worker(*instance, &worker))
            };
            self.context.store.write("worker.add", add).await?;
        }
        Ok(())
    }
}
