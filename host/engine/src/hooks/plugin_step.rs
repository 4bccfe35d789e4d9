//! A step that is a plugin's filter: a call that can only read, and whose effects are dropped.

use std::sync::Arc;
use std::time::Duration;

use super::Hooks;
use super::input::Run;
use super::verdict::{Given, Judged, NoVerdict, VerdictJudge};
use crate::calls;
use moothall_guest::exports::Filter;

impl Hooks {
    /// Calls the plugin's filter. None: the plugin is not enabled for the community.
    pub(super) async fn ask_plugin(
        &self,
        run: &Run,
        plugin: &str,
        given: Given,
        timeout: Duration,
    ) -> Result<Option<Judged>, NoVerdict> {
        let Some(serving) = self.context.plugins.get(plugin) else {
            let reason = format!("the plugin '{plugin}' does not serve now");
            return Err(NoVerdict::Failed(reason, None));
        };
        // A step that was added through the API remains when its grant is withdrawn.
        run.hook.admits(&serving).map_err(|denied| NoVerdict::Failed(denied, None))?;
        let community = match serving.is_of_host() {
            true => self.context.communities.of_host(),
            false => run.community.clone(),
        };
        let of_plugin =
            |one: &&Arc<moothall_core::instance::Instance>| one.plugin.as_str() == plugin;
        let instance =
            community.as_ref().and_then(|one| one.instances.iter().find(of_plugin).cloned());
        let Some(instance) = instance else { return Ok(None) };
        let data = given.seen.text().to_owned();
        let filter = |data| Filter { hook: run.hook.point.manifest.name.as_str().into(), data };
        let request = run.request_id.clone();
        let call = self.calls.on(serving.clone(), instance.clone(), filter(data), request).await;
        let call = call.map_err(NoVerdict::of)?;
        let wall = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1);
        let call = if run.may_send { call } else { call.without_sending() };
        // Judged within the call, so that an invalid verdict makes it a failed call like any other.
        let judge = Arc::new(VerdictJudge::new(given));
        let sees = judge.clone();
        let call = call.within(wall).judged_by(move |output| sees.see(output));
        self.calls.run(call, calls::Mode::Collect).await.map_err(NoVerdict::of)?;
        let judged = judge.take();
        let (judged, wrong) =
            judged.ok_or_else(|| NoVerdict::Failed("it answered no verdict".to_owned(), None))?;
        if let Some(reason) = wrong {
            let request = run.request_id.clone();
            self.calls.blame((serving, Some(instance)), filter(String::new()), request, reason);
        }
        Ok(Some(judged))
    }
}
