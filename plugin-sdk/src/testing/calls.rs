//! The calls of a host, each in the way the real one makes it. What a plugin does not export cannot be
//! called: that is a compile error here.

use serde::Serialize;
use serde_json::Value;

use super::Host;
use super::kept::{ProcessRecord, ProcessStatus};
use super::world::Call;
use crate::export::{
    Actions, Filters, GlobalWebhooks, Lifecycle, Monitoring, OAuth, ProcessFunctions, Processes,
    Producer, Routes, Schedules, Webhooks, Workers, find_process,
};
use crate::oauth::{AuthorizeRequest, Authorized, OAuthCallback};
use crate::{
    Envelope, Error, Point, Result, RouteRequest, Routed, Verdict, WebhookRequest, WebhookResponse,
};

impl<P: Lifecycle> Host<P> {
    /// Enables the plugin: `initialize`.
    pub fn enable(&mut self) -> Result<()> {
        self.call(Call::of_instance("enable"), || Lifecycle::initialize(&P::PLUGIN))
    }

    /// Changes the configuration of an instance that is kept: `config_changed`. An error leaves the
    /// previous one.
    pub fn change_config(&mut self, config: Value) -> Result<()> {
        let before = (self.world.config.clone(), self.world.secrets.clone());
        let previous = before.0.to_string();
        self.world.configure(config);
        let call = Call::of_instance("config");
        let changed = self.call(call, || Lifecycle::config_changed(&P::PLUGIN, &previous));
        if changed.is_err() {
            (self.world.config, self.world.secrets) = before;
        }
        changed
    }

    /// The instance's first call on this version of the plugin: `upgraded`.
    pub fn upgrade(&mut self, from_version: &str) -> Result<()> {
        let from_version = from_version.to_owned();
        self.call(Call::of_instance("upgrade"), || Lifecycle::upgraded(&P::PLUGIN, from_version))
    }

    /// The host shuts down: `close`.
    pub fn shut_down(&mut self) -> Result<()> {
        self.call(Call::of_instance("close"), || Lifecycle::close(&P::PLUGIN))
    }
}

impl<P: Actions> Host<P> {
    /// Performs an action; `null` if it answers nothing.
    pub fn action(&mut self, slug: &str, parameters: impl Serialize) -> Result<Value> {
        let parameters = serde_json::to_string(&parameters)?;
        let call = Call { read_only: self.is_read_only(slug), ..Call::of_instance("action") };
        let answer = self.call(call, || P::PLUGIN.perform(slug, &parameters))?;
        Ok(serde_json::from_str(answer.as_deref().unwrap_or("null"))?)
    }

    fn is_read_only(&self, slug: &str) -> bool {
        let mut actions = self.world.manifest["actions"].as_array().into_iter().flatten();
        actions.any(|action| action["slug"] == slug && action["read_only"] == true)
    }
}

impl<P: Webhooks> Host<P> {
    /// A webhook of the instance, whose signature has been checked. Processes receive theirs by
    /// [`process_webhook`](Self::process_webhook).
    pub fn webhook(&mut self, request: WebhookRequest) -> Result<Option<WebhookResponse>> {
        self.call(Call::of_instance("webhook"), || P::PLUGIN.receive(request))
    }
}

impl<P: GlobalWebhooks> Host<P> {
    /// A webhook of the whole platform.
    pub fn global_webhook(&mut self, request: WebhookRequest) -> Result<Routed> {
        self.call(Call::of_platform("webhook"), || P::PLUGIN.receive_global(request))
    }
}

impl<P: Producer> Host<P> {
    /// One due moment of the producer.
    pub fn tick(&mut self) -> Result<()> {
        self.call(Call::of_instance("producer"), || P::PLUGIN.tick())
    }
}

impl<P: Filters> Host<P> {
    /// One step of a hook.
    pub fn filter(&mut self, hook: &str, data: impl Serialize) -> Result<Verdict> {
        let data = serde_json::to_string(&data)?;
        self.call(Call::of_instance("hook").reading(), || P::PLUGIN.filter(hook, &data))
    }
}

impl<P: Workers> Host<P> {
    /// Whether a worker is enabled with the instance's configuration.
    pub fn is_enabled(&mut self, worker: &str) -> Result<bool> {
        let config = self.world.config.to_string();
        self.call(Call::of_instance("worker").reading(), || P::PLUGIN.enabled(worker, &config))
    }

    /// One event.
    pub fn handle(&mut self, worker: &str, event: Envelope) -> Result<()> {
        self.call(Call::of_instance("worker"), || P::PLUGIN.handle(worker, event))
    }
}

impl<P: Monitoring> Host<P> {
    /// One batch of points.
    pub fn points(&mut self, points: Vec<Point>) -> Result<()> {
        self.call(Call::of_instance("monitoring"), || P::PLUGIN.handle_points(points))
    }
}

impl<P: Schedules> Host<P> {
    /// One due moment of a schedule.
    pub fn schedule(&mut self, name: &str, scheduled_at: &str) -> Result<()> {
        let at = scheduled_at.to_owned();
        self.call(Call::of_instance("tick"), || Schedules::tick(&P::PLUGIN, name, at))
    }
}

impl<P: Routes> Host<P> {
    /// A request to a route, named by its path in the manifest.
    pub fn route(&mut self, path: &str, request: RouteRequest) -> Result<WebhookResponse> {
        self.call(Call::of_instance("route"), || P::PLUGIN.route(path, request))
    }
}

impl<P: OAuth> Host<P> {
    /// Somebody is to be sent to the platform.
    pub fn authorize_url(&mut self, request: AuthorizeRequest) -> Result<String> {
        self.call(Call::of_platform("oauth"), || P::PLUGIN.authorize_url(request))
    }

    /// The browser is back. What comes of it is answered, and neither enabled nor linked.
    pub fn oauth_callback(&mut self, callback: OAuthCallback) -> Result<Authorized> {
        self.call(Call::of_platform("oauth"), || P::PLUGIN.handle_callback(callback))
    }
}

impl<P: Processes> Host<P> {
    /// Starts a process; its id. An error leaves none.
    pub fn start(&mut self, name: &str, parameters: impl Serialize) -> Result<String> {
        let parameters = serde_json::to_string(&parameters)?;
        let process = find_process::<P>(name)?;
        let id = (self.world.kept.processes.len() + 1).to_string();
        self.world.kept.processes.insert(id.clone(), ProcessRecord::new(name));
        let started = self.call(Call::of_process("start", &id), || process.start(&parameters));
        if let Err(error) = started {
            self.world.kept.processes.remove(&id);
            return Err(error);
        }
        if let Some(record) = self.world.kept.processes.get_mut(&id)
            && record.status == ProcessStatus::Created
        {
            record.status = ProcessStatus::Pending;
        }
        Ok(id)
    }

    /// One due moment of a pending process.
    pub fn update(&mut self, id: &str) -> Result<()> {
        let process = self.pending(id)?;
        self.call(Call::of_process("update", id), || process.update())
    }

    /// Closes a pending process. An error if its `close` does not complete it.
    pub fn close(&mut self, id: &str) -> Result<()> {
        let process = self.pending(id)?;
        self.call(Call::of_process("close", id), || process.close())?;
        match self.pending(id) {
            Ok(_) => Err(Error::internal("`close` returned and the process is not completed")),
            Err(_) => Ok(()),
        }
    }

    /// A webhook of the instance, as a pending process receives it.
    pub fn process_webhook(
        &mut self,
        id: &str,
        request: WebhookRequest,
    ) -> Result<Option<WebhookResponse>> {
        let process = self.pending(id)?;
        self.call(Call::of_process("webhook", id), || process.receive_webhook(request))
    }

    fn pending(&self, id: &str) -> Result<&'static dyn ProcessFunctions> {
        let missing = || Error::not_found(format!("there is no process '{id}'"));
        let record = self.process(id).ok_or_else(missing)?;
        if record.status == ProcessStatus::Completed {
            return Err(Error::conflict("the process is completed, and never called again"));
        }
        find_process::<P>(&record.name)
    }
}
