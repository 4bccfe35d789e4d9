//! The calls that a host makes, each as the real one makes it. A test that calls what the plugin does not
//! export does not compile.

use moothall_values::config::ConfigChange;
use moothall_values::manifest::{self, OnConfigChange, WorkerManifest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::kept::{ProcessRecord, ProcessStatus};
use super::world::Call;
use super::{Host, judged};
use crate::export::{
    Actions, Filters, GlobalWebhooks, Handshakes, Lifecycle, Monitoring, OAuth, ProcessFunctions,
    Processes, Producer, Routes, Schedules, Webhooks, Workers, find_process,
};
use crate::oauth::{AuthorizeRequest, Authorized, OAuthCallback};
use crate::{
    Envelope, Error, Point, Result, RouteRequest, Routed, Verdict, WebhookRequest, WebhookResponse,
    read, write,
};

impl<P: Lifecycle> Host<P> {
    /// Enables the plugin: `initialize`.
    pub fn enable(&mut self) -> Result<()> {
        self.call(Call::of_instance("enable"), || Lifecycle::initialize(&P::PLUGIN))
    }

    /// Changes the configuration of an enabled instance, with all consequences: with `on_config_change =
    /// "keep"`, or if only secrets changed, it calls `config_changed`; otherwise it deletes the state, ends
    /// pending processes and calls `initialize`. After an error everything is as before.
    pub fn change_config(&mut self, config: Value) -> Result<()> {
        let world = &self.world;
        let before = (world.config.clone(), world.secrets.clone(), world.kept.clone());
        let changed = self.reconfigure(config);
        if changed.is_err() {
            (self.world.config, self.world.secrets, self.world.kept) = before;
        }
        changed
    }

    fn reconfigure(&mut self, config: Value) -> Result<()> {
        let previous = self.world.config.to_string();
        let change = self.world.configure(config)?;
        let keeps = self.world.the_plugin()?.manifest.on_config_change == OnConfigChange::Keep;
        if change == ConfigChange::Nothing {
            return Ok(());
        }
        if change == ConfigChange::Config && !keeps {
            self.world.kept.recreate();
            return self.call_if_there(manifest::Lifecycle::Initialize, "enable", || {
                Lifecycle::initialize(&P::PLUGIN)
            });
        }
        self.call_if_there(manifest::Lifecycle::ConfigChanged, "config", || {
            Lifecycle::config_changed(&P::PLUGIN, &previous)
        })
    }

    fn call_if_there(
        &mut self,
        function: manifest::Lifecycle,
        origin: &'static str,
        run: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        if self.world.the_plugin()?.manifest.has(function) {
            self.call(Call::of_instance(origin), run)
        } else {
            Ok(())
        }
    }

    /// Upgrades the instance to this version of the plugin: `upgraded`.
    pub fn upgrade(&mut self, from_version: &str) -> Result<()> {
        let from_version = from_version.to_owned();
        self.call(Call::of_instance("upgrade"), || Lifecycle::upgraded(&P::PLUGIN, from_version))
    }

    /// Shuts the host down: `close`, which only plugins of host scope can have.
    pub fn shut_down(&mut self) -> Result<()> {
        self.call(Call::of_instance("close"), || Lifecycle::close(&P::PLUGIN))
    }
}

impl<P: Actions> Host<P> {
    /// Performs an action; returns `null` if it has no result. A result with an integer of more than 64 bits
    /// fails here, because a [`Value`] cannot hold it: use [`action_as`](Self::action_as).
    pub fn action(&mut self, slug: &str, parameters: impl Serialize) -> Result<Value> {
        let answer = self.perform(slug, parameters)?;
        match judged::too_wide_for_a_value(&answer) {
            Some(wide) => Err(Error::internal(wide)),
            None => Ok(serde_json::from_str(&answer)?),
        }
    }

    /// Performs an action, and reads its result as a type.
    pub fn action_as<T: DeserializeOwned>(
        &mut self,
        slug: &str,
        parameters: impl Serialize,
    ) -> Result<T> {
        let answer = self.perform(slug, parameters)?;
        read::json(&answer)
            .map_err(|error| Error::internal(format!("the answer does not fit its type: {error}")))
    }

    fn perform(&mut self, slug: &str, parameters: impl Serialize) -> Result<String> {
        let described = self.world.the_plugin()?;
        let parameters = described.take_action(slug, write::json(&parameters)?)?;
        let mut actions = described.manifest.actions.iter();
        let read_only = actions.any(|action| action.slug == slug && action.read_only);
        let call = Call { read_only, ..Call::of_instance("action") };
        self.call(call, || {
            let answer = P::PLUGIN.perform(slug, &parameters)?;
            let answer = answer.unwrap_or_else(|| "null".to_owned());
            judged::result(&answer)?;
            described.check_result(slug, &serde_json::from_str(&answer)?)?;
            Ok(answer)
        })
    }
}

impl<P: Webhooks> Host<P> {
    /// Sends a webhook to the instance, as if its signature had been checked. Processes receive theirs by
    /// [`process_webhook`](Self::process_webhook).
    pub fn webhook(&mut self, request: WebhookRequest) -> Result<Option<WebhookResponse>> {
        self.call(Call::of_instance("webhook"), || {
            P::PLUGIN.receive(request)?.map(judged::response).transpose()
        })
    }
}

impl<P: GlobalWebhooks> Host<P> {
    /// Sends a webhook for the whole platform. It says which instances it is for, and reaches none of them:
    /// [`webhook`](Self::webhook) and [`process_webhook`](Self::process_webhook) send it on, and return what the platform
    /// gets if this answer has no response.
    pub fn global_webhook(&mut self, request: WebhookRequest) -> Result<Routed> {
        let described = self.world.the_plugin()?;
        self.call(Call::of_platform("webhook"), || {
            let routed = P::PLUGIN.receive_global(request)?;
            if let Some(response) = routed.response() {
                judged::response(response.clone())?;
            }
            let known = &described.manifest.route_keys;
            let is_known = |pointer: &str| known.iter().any(|one| one == pointer);
            if let Some(unknown) = routed.pointers().find(|pointer| !is_known(pointer)) {
                return Err(judged::bad_output(format!(
                    "`{unknown}` is none of the plugin's `route_keys`, so no instance is found by it"
                )));
            }
            Ok(routed)
        })
    }
}

impl<P: Handshakes> Host<P> {
    /// Sends a handshake that the plugin answers itself; writes and requests are refused.
    pub fn handshake(&mut self, request: WebhookRequest) -> Result<WebhookResponse> {
        self.call(Call::of_instance("handshake").reading().silent(), || {
            judged::response(P::PLUGIN.answer(request)?)
        })
    }
}

impl<P: Producer> Host<P> {
    /// Calls the producer as if it were due.
    pub fn tick(&mut self) -> Result<()> {
        self.call(Call::of_instance("producer"), || P::PLUGIN.tick())
    }
}

impl<P: Filters> Host<P> {
    /// Calls the plugin's step of a hook.
    pub fn filter(&mut self, hook: &str, data: impl Serialize) -> Result<Verdict> {
        let described = self.world.the_plugin()?;
        let data = described.take_hook(hook, write::json(&data)?)?;
        self.call(Call::of_instance("hook").reading(), || {
            let verdict = P::PLUGIN.filter(hook, &data)?;
            judged::verdict(&described.manifest, hook, &verdict)?;
            Ok(verdict)
        })
    }
}

impl<P: Workers> Host<P> {
    /// Whether a worker is enabled with the instance's configuration.
    pub fn is_enabled(&mut self, worker: &str) -> Result<bool> {
        self.worker(worker)?;
        let config = self.world.config.to_string();
        self.call(Call::of_instance("worker").reading(), || P::PLUGIN.enabled(worker, &config))
    }

    fn worker(&self, name: &str) -> Result<WorkerManifest> {
        let described = self.world.the_plugin()?;
        let worker = described.manifest.workers.iter().find(|worker| worker.name == name);
        let none = || Error::not_found(format!("the plugin has no worker '{name}'"));
        worker.cloned().ok_or_else(none)
    }

    /// Gives the worker an event. `invalid`: the worker does not subscribe to it, so that the host would never
    /// give it to the worker.
    pub fn handle(&mut self, worker: &str, event: Envelope) -> Result<()> {
        unheard(&self.worker(worker)?, &event).map_or(Ok(()), |why| Err(Error::invalid(why)))?;
        self.call(Call::of_instance("worker"), || P::PLUGIN.handle(worker, event))
    }
}

impl<P: Monitoring> Host<P> {
    /// Gives the plugin one batch of monitoring points.
    pub fn points(&mut self, points: Vec<Point>) -> Result<()> {
        self.call(Call::of_instance("monitoring"), || P::PLUGIN.handle_points(points))
    }
}

impl<P: Schedules> Host<P> {
    /// Calls a schedule as if it were due at this moment, `2030-01-01T00:00:00Z`.
    pub fn schedule(&mut self, name: &str, scheduled_at: &str) -> Result<()> {
        let at = scheduled_at.parse()?;
        self.call(Call::of_instance("tick"), || Schedules::tick(&P::PLUGIN, name, at))
    }
}

impl<P: Routes> Host<P> {
    /// Sends a request to a route, named by its path in the manifest.
    pub fn route(&mut self, path: &str, request: RouteRequest) -> Result<WebhookResponse> {
        self.call(Call::of_instance("route"), || judged::response(P::PLUGIN.route(path, request)?))
    }
}

impl<P: OAuth> Host<P> {
    /// Asks for the URL to which a person is sent.
    pub fn authorize_url(&mut self, request: AuthorizeRequest) -> Result<String> {
        self.call(Call::of_platform("oauth"), || P::PLUGIN.authorize_url(request))
    }

    /// Lets the browser come back from the platform. The result is checked and returned; the plugin is not
    /// enabled, and no account is linked.
    pub fn oauth_callback(&mut self, callback: OAuthCallback) -> Result<Authorized> {
        let kind = callback.authorize_type;
        let call = Call::of_platform("oauth");
        let authorized = self.call(call, || P::PLUGIN.handle_callback(callback))?;
        judged::authorized(&self.world, kind, &authorized).map(|()| authorized)
    }
}

impl<P: Processes> Host<P> {
    /// Starts a process; returns its id. After an error there is no process.
    pub fn start(&mut self, name: &str, parameters: impl Serialize) -> Result<String> {
        let process = find_process::<P>(name)?;
        let described = self.world.the_plugin()?;
        let parameters = described.take_process(name, write::json(&parameters)?)?;
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

    /// Calls `update` of a pending process as if it were due.
    pub fn update(&mut self, id: &str) -> Result<()> {
        let process = self.pending(id)?;
        self.call(Call::of_process("update", id), || process.update())
    }

    /// Closes a pending process. It is an error if its `close` does not complete it.
    pub fn close(&mut self, id: &str) -> Result<()> {
        let process = self.pending(id)?;
        self.call(Call::of_process("close", id), || process.close())?;
        match self.pending(id) {
            Ok(_) => Err(Error::internal("`close` returned and the process is not completed")),
            Err(_) => Ok(()),
        }
    }

    /// Sends a webhook of the instance to a pending process.
    pub fn process_webhook(
        &mut self,
        id: &str,
        request: WebhookRequest,
    ) -> Result<Option<WebhookResponse>> {
        let process = self.pending(id)?;
        self.call(Call::of_process("webhook", id), || {
            process.receive_webhook(request)?.map(judged::response).transpose()
        })
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

/// Why the host would not give the event to the worker.
fn unheard(worker: &WorkerManifest, event: &Envelope) -> Option<String> {
    let (name, source) = (&worker.name, &event.source);
    if source.is_empty() {
        return Some("every event has a `source`: a plugin, `driver`, or `api`".to_owned());
    }
    if !worker.names(source, &event.event_type) {
        let named: Vec<String> = worker.events.iter().map(|one| format!("`{one}`")).collect();
        return Some(format!(
            "the worker '{name}' would never get `{source}:{}`: its `events` are {}",
            event.event_type,
            named.join(", ")
        ));
    }
    let at = worker.mismatch(&event.data)?;
    Some(format!(
        "the worker '{name}' would never get this event: by its `matches`, the data has {} at `{at}`",
        worker.matching.get(at)?
    ))
}
