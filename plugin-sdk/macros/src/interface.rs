//! The export interfaces of the contract. Each has a file, named like its WIT file, with the
//! attribute that makes a method part of it, the attribute's options, the code that is written for
//! it, and its part of the manifest.

pub mod actions;
pub mod global_webhooks;
pub mod handshakes;
pub mod hooks;
pub mod lifecycle;
pub mod monitoring;
pub mod oauth;
pub mod processes;
pub mod producer;
pub mod routes;
pub mod schedules;
pub mod webhooks;
pub mod workers;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Ident, ItemImpl, Signature, Type};

use crate::method::{Method, Options, without_duplicates};
use crate::mistakes::Mistakes;
use crate::options::handshake::HandshakeOptions;
use crate::options::plugin::PluginOptions;
use actions::Action;
use global_webhooks::GlobalWebhook;
use handshakes::Handshake;
use hooks::Filter;
use lifecycle::Lifecycle;
use monitoring::Monitoring;
use oauth::{AuthorizeUrl, OauthCallback};
use producer::Producer;
use routes::Route;
use schedules::Schedule;
use webhooks::Webhook;
use workers::Worker;

/// The methods of a plugin that the host calls, by interface.
#[derive(Default)]
pub struct Interfaces {
    pub lifecycle: Vec<Lifecycle>,
    pub actions: Vec<Action>,
    webhooks: Vec<Method<Webhook>>,
    global_webhooks: Vec<Method<GlobalWebhook>>,
    handshakes: Vec<Method<Handshake>>,
    producer: Vec<Method<Producer>>,
    authorize_url: Vec<Method<AuthorizeUrl>>,
    oauth_callback: Vec<Method<OauthCallback>>,
    filters: Vec<Method<Filter>>,
    workers: Vec<Method<Worker>>,
    monitoring: Vec<Method<Monitoring>>,
    schedules: Vec<Method<Schedule>>,
    routes: Vec<Method<Route>>,
}

/// Reads a method with an attribute, and keeps it if it is right.
pub type Read = fn(&mut Interfaces, &Attribute, &Signature, &mut Mistakes);

/// Every attribute of a method, and the function that reads it.
const ATTRIBUTES: [(&str, Read); 12] = [
    ("action", |to, at, method, mistakes| to.actions.extend(Action::read(at, method, mistakes))),
    (Webhook::ATTRIBUTE, |to, at, method, mistakes| {
        to.webhooks.extend(Method::read(at, method, mistakes));
    }),
    (GlobalWebhook::ATTRIBUTE, |to, at, method, mistakes| {
        to.global_webhooks.extend(Method::read(at, method, mistakes));
    }),
    (Handshake::ATTRIBUTE, |to, at, method, mistakes| {
        to.handshakes.extend(Method::read(at, method, mistakes));
    }),
    (Producer::ATTRIBUTE, |to, at, method, mistakes| {
        to.producer.extend(Method::read(at, method, mistakes));
    }),
    (AuthorizeUrl::ATTRIBUTE, |to, at, method, mistakes| {
        to.authorize_url.extend(Method::read(at, method, mistakes));
    }),
    (OauthCallback::ATTRIBUTE, |to, at, method, mistakes| {
        to.oauth_callback.extend(Method::read(at, method, mistakes));
    }),
    (Filter::ATTRIBUTE, |to, at, method, mistakes| {
        to.filters.extend(Method::read(at, method, mistakes));
    }),
    (Worker::ATTRIBUTE, |to, at, method, mistakes| {
        to.workers.extend(Method::read(at, method, mistakes));
    }),
    (Monitoring::ATTRIBUTE, |to, at, method, mistakes| {
        to.monitoring.extend(Method::read(at, method, mistakes));
    }),
    (Schedule::ATTRIBUTE, |to, at, method, mistakes| {
        to.schedules.extend(Method::read(at, method, mistakes));
    }),
    (Route::ATTRIBUTE, |to, at, method, mistakes| {
        to.routes.extend(Method::read(at, method, mistakes));
    }),
];

/// The function that reads a method with this attribute; none if the attribute is not ours.
pub fn reader(attribute: &Ident) -> Option<Read> {
    let found = ATTRIBUTES.iter().find(|(name, _)| attribute == name);
    found.map(|(_, read)| *read)
}

impl Interfaces {
    /// Notes each method that conflicts with an earlier one, and leaves it out. Notes missing
    /// counterparts.
    pub fn checked(self, block: &ItemImpl, mistakes: &mut Mistakes) -> Self {
        let checked = Self {
            lifecycle: self.lifecycle,
            actions: actions::without_duplicates(self.actions, mistakes),
            webhooks: without_duplicates(self.webhooks, mistakes),
            global_webhooks: without_duplicates(self.global_webhooks, mistakes),
            handshakes: without_duplicates(self.handshakes, mistakes),
            producer: without_duplicates(self.producer, mistakes),
            authorize_url: without_duplicates(self.authorize_url, mistakes),
            oauth_callback: without_duplicates(self.oauth_callback, mistakes),
            filters: without_duplicates(self.filters, mistakes),
            workers: without_duplicates(self.workers, mistakes),
            monitoring: without_duplicates(self.monitoring, mistakes),
            schedules: without_duplicates(self.schedules, mistakes),
            routes: without_duplicates(self.routes, mistakes),
        };
        oauth::check_both(&checked.authorize_url, &checked.oauth_callback, mistakes);
        handshakes::check_declared(&checked.declaring(), &checked.handshakes, mistakes);
        let workers = workers::with_right_conditions(checked.workers, block, mistakes);
        Self { workers, ..checked }
    }

    /// Notes methods that the host calls only for an option of the plugin that is missing.
    pub fn check_declared(&self, options: &PluginOptions, mistakes: &mut Mistakes) {
        oauth::check_declared(&self.authorize_url, options, mistakes);
    }

    /// Whether it has a method whose calls go to a resident guest.
    pub fn calls_a_resident(&self) -> bool {
        !(self.monitoring.is_empty() && self.schedules.is_empty() && self.routes.is_empty())
    }

    /// The types of events that webhooks and the producer emit.
    pub fn events(&self) -> impl Iterator<Item = &Type> {
        let in_webhooks = self.webhooks.iter().flat_map(|webhook| &webhook.options.events);
        in_webhooks.chain(self.producer.iter().flat_map(|producer| &producer.options.events))
    }

    /// Each method with `handshakes(…)`, and what it declares.
    fn declaring(&self) -> Vec<(&Ident, &[HandshakeOptions])> {
        let webhooks = self.webhooks.iter().map(|one| (&one.name, &*one.options.handshakes));
        let global = self.global_webhooks.iter();
        webhooks.chain(global.map(|one| (&one.name, &*one.options.handshakes))).collect()
    }

    /// The implementation and the export of each interface of which the plugin has something.
    pub fn to_glue(&self, plugin: &Type) -> TokenStream {
        let lifecycle = lifecycle::to_glue(plugin, &self.lifecycle);
        let actions = actions::to_glue(plugin, &self.actions);
        let webhooks = self.webhooks.iter().map(|one| webhooks::to_glue(plugin, one));
        let global_webhooks =
            self.global_webhooks.iter().map(|one| global_webhooks::to_glue(plugin, one));
        let handshakes = self.handshakes.iter().map(|one| handshakes::to_glue(plugin, one));
        let producer = self.producer.iter().map(|one| producer::to_glue(plugin, one));
        let oauth = self.authorize_url.iter().zip(&self.oauth_callback);
        let oauth = oauth.map(|(url, callback)| oauth::to_glue(plugin, url, callback));
        let filters = hooks::to_glue(plugin, &self.filters);
        let workers = workers::to_glue(plugin, &self.workers);
        let monitoring = self.monitoring.iter().map(|one| monitoring::to_glue(plugin, one));
        let schedules = schedules::to_glue(plugin, &self.schedules);
        let routes = routes::to_glue(plugin, &self.routes);
        quote! {
            #lifecycle #actions #(#webhooks)* #(#global_webhooks)* #(#handshakes)* #(#producer)*
            #(#oauth)* #filters #workers #(#monitoring)* #schedules #routes
        }
    }

    /// The calls of the SDK that build each interface's part of the manifest.
    pub fn to_manifest(&self) -> TokenStream {
        let lifecycle = self.lifecycle.iter().map(|function| function.to_manifest());
        let actions = self.actions.iter().map(actions::to_manifest);
        let producer = self.producer.iter().filter_map(producer::to_manifest);
        let webhooks = self.webhooks.iter().map(webhooks::to_manifest);
        let global_webhooks = self.global_webhooks.iter().map(global_webhooks::to_manifest);
        let filters = self.filters.iter().map(hooks::to_manifest);
        let workers = self.workers.iter().map(workers::to_manifest);
        let schedules = self.schedules.iter().map(schedules::to_manifest);
        let routes = self.routes.iter().map(routes::to_manifest);
        quote! {
            #(#lifecycle)* #(#actions)* #(#producer)* #(#webhooks)* #(#global_webhooks)*
            #(#filters)* #(#workers)* #(#schedules)* #(#routes)*
        }
    }
}

/// The type, or the SDK's type of an object without members.
pub fn type_or_empty(chosen: Option<&Type>) -> TokenStream {
    chosen.map_or_else(|| quote!(::moothall_sdk::Empty), |chosen| quote!(#chosen))
}

/// Exports an interface from a component. Elsewhere, in a plugin's own tests, the symbols mean nothing to a
/// linker.
pub fn export(plugin: &Type, export_macro: TokenStream) -> TokenStream {
    quote! {
        #[cfg(target_family = "wasm")]
        ::moothall_sdk::export::bindings::#export_macro!(#plugin);
    }
}
