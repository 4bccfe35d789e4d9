//! Administration of hooks: the writes that declare, change and delete a driver's hooks and the steps of hooks, and the
//! secrets that they seal. The index has each change before it is answered. Must never say how a client asks for one.

use super::{Hooks, secret_context};
use moothall_core::changes::Change;
use moothall_core::ids::CommunityId;
use moothall_deliveries::SigningSecret;
use moothall_guest::Fault;
use moothall_store::{HookPut, HookRow, StepRow, StoreError, Tx, View};

impl Hooks {
    /// Declares a hook or changes it, unless it is not as it was `before`, or there are `most` already.
    pub async fn put(
        &self,
        before: Option<HookRow>,
        row: HookRow,
        most: usize,
        change: Change,
    ) -> Result<HookPut, StoreError> {
        let now = self.context.clock.now_ms();
        let put = move |tx: &Tx<'_>| {
            let view = View::Hook(row.name.clone());
            tx.changing(Some(&change), CommunityId::HOST, &view, now, |tx| {
                tx.put_hook(before.as_ref(), &row, most, now)
            })
        };
        let put = self.write("hook.put", put).await?;
        if matches!(put, HookPut::Done) {
            self.reload()?;
        }
        Ok(put)
    }

    /// Deletes a driver's hook with its steps.
    pub async fn delete(&self, name: String, change: Change) -> Result<(), StoreError> {
        let now = self.context.clock.now_ms();
        let delete = move |tx: &Tx<'_>| {
            let view = View::Hook(name.clone());
            tx.changing(Some(&change), CommunityId::HOST, &view, now, |tx| tx.delete_hook(&name))
        };
        self.write("hook.delete", delete).await?;
        self.reload()
    }

    /// Adds a step with that secret. False: its hook has `most` already.
    pub async fn add_step(
        &self,
        mut row: StepRow,
        signing: &SigningSecret,
        most: usize,
        change: Change,
    ) -> Result<bool, Fault> {
        let context = secret_context(&row.public_id);
        let sealed = self.context.keyring.seal(&context, signing.text().as_bytes());
        row.secret = sealed.map_err(|error| Fault::Host(error.to_string()))?;
        let now = row.created_at;
        let add = move |tx: &Tx<'_>| {
            let view = View::Step(row.public_id.clone());
            tx.changing(Some(&change), row.community, &view, now, |tx| tx.add_step(&row, most))
        };
        let is_added = self.write("hook.step", add).await?;
        if is_added {
            self.reload()?;
        }
        Ok(is_added)
    }

    /// False: the step is not as it was `before` any more.
    pub async fn put_step(
        &self,
        before: StepRow,
        after: StepRow,
        change: Change,
    ) -> Result<bool, StoreError> {
        let now = self.context.clock.now_ms();
        let put = move |tx: &Tx<'_>| {
            let (of, view) = (after.community, View::Step(after.public_id.clone()));
            tx.changing(Some(&change), of, &view, now, |tx| tx.put_step(&before, &after))
        };
        let is_put = self.write("hook.step", put).await?;
        if is_put {
            self.reload()?;
        }
        Ok(is_put)
    }

    /// Deletes a step of a hook; `of` is the community that it is for.
    pub async fn delete_step(
        &self,
        hook: String,
        id: String,
        of: CommunityId,
        change: Change,
    ) -> Result<(), StoreError> {
        let now = self.context.clock.now_ms();
        let delete = move |tx: &Tx<'_>| {
            let view = View::Step(id.clone());
            tx.changing(Some(&change), of, &view, now, |tx| tx.delete_step(&hook, &id))
        };
        self.write("hook.step", delete).await?;
        self.reload()
    }

    async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        write: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.context.store.write_then(name, write, Some(self.after_write())).await
    }
}
