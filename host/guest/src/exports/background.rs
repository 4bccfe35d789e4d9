//! The exports beside those that drivers and platforms call: hooks, workers, monitoring, schedules,
//! routes.

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::{Export, Output, Returned, Verdict, exported, nothing};
use crate::bindings::{
    HooksExportsIndices, MonitoringExportsIndices, RoutesExportsIndices, SchedulesExportsIndices,
    WitVerdict, WorkersExportsIndices,
};
use crate::call_state::CallState;
use crate::web_types;

pub struct Background {
    hooks: Option<HooksExportsIndices>,
    workers: Option<WorkersExportsIndices>,
    monitoring: Option<MonitoringExportsIndices>,
    schedules: Option<SchedulesExportsIndices>,
    routes: Option<RoutesExportsIndices>,
}

impl Background {
    pub fn of(pre: &InstancePre<CallState>) -> Self {
        Self {
            hooks: HooksExportsIndices::new(pre).ok(),
            workers: WorkersExportsIndices::new(pre).ok(),
            monitoring: MonitoringExportsIndices::new(pre).ok(),
            schedules: SchedulesExportsIndices::new(pre).ok(),
            routes: RoutesExportsIndices::new(pre).ok(),
        }
    }

    pub fn names(&self) -> [(&'static str, bool); 5] {
        [
            ("hooks", self.hooks.is_some()),
            ("workers", self.workers.is_some()),
            ("monitoring", self.monitoring.is_some()),
            ("schedules", self.schedules.is_some()),
            ("routes", self.routes.is_some()),
        ]
    }

    pub async fn call(
        &self,
        store: &mut Store<CallState>,
        instance: &Instance,
        export: Export,
    ) -> Returned {
        match export {
            Export::Filter { hook, data } => {
                let hooks = exported(&self.hooks)?.load(&mut *store, instance)?;
                let hooks = hooks.moothall_plugin_hooks();
                Ok(hooks.call_filter(store, &hook, &data).await?.map(verdict))
            }
            Export::Enabled { worker, config } => {
                let workers = exported(&self.workers)?.load(&mut *store, instance)?;
                let workers = workers.moothall_plugin_workers();
                Ok(workers.call_enabled(store, &worker, &config).await?.map(Output::Enabled))
            }
            Export::Handle { worker, event } => {
                let workers = exported(&self.workers)?.load(&mut *store, instance)?;
                let workers = workers.moothall_plugin_workers();
                Ok(workers.call_handle(store, &worker, &event).await?.map(nothing))
            }
            Export::Points(points) => {
                let monitoring = exported(&self.monitoring)?.load(&mut *store, instance)?;
                let monitoring = monitoring.moothall_plugin_monitoring();
                Ok(monitoring.call_handle_points(store, &points).await?.map(nothing))
            }
            Export::ScheduleTick { name, scheduled_at } => {
                let schedules = exported(&self.schedules)?.load(&mut *store, instance)?;
                let schedules = schedules.moothall_plugin_schedules();
                Ok(schedules.call_tick(store, &name, &scheduled_at).await?.map(nothing))
            }
            Export::Route { path, captures, request } => {
                let routes = exported(&self.routes)?.load(&mut *store, instance)?;
                let routes = routes.moothall_plugin_routes();
                let request = web_types::incoming(&request);
                let returned = routes.call_handle(store, &path, &captures, &request).await?;
                Ok(returned.map(|one| Output::Response(Some(web_types::response(one)))))
            }
            other => Err(wasmtime::Error::msg(format!("{other:?} is no export"))),
        }
    }
}

fn verdict(verdict: WitVerdict) -> Output {
    Output::Verdict(match verdict {
        WitVerdict::Pass => Verdict::Pass,
        WitVerdict::Update(data) => Verdict::Update(data),
        WitVerdict::Stop => Verdict::Stop,
        WitVerdict::Halt(exception) => Verdict::Halt(exception),
    })
}
