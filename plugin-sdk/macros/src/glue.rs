//! The code that is written beside an author's `impl` block. It only names things: what happens is
//! in the SDK's functions that it calls.

mod actions;
mod entries;
mod hooks;
mod lifecycle;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Type};

use crate::method::action::Action;
use crate::method::entry::Entry;
use crate::method::hook::{Hook, Kind};
use crate::method::lifecycle::Lifecycle;
use crate::options::plugin::PluginOptions;

/// The method of a process that the plugin uses which lists it. Its name is what a warning shows.
pub const NAMED_BY_A_PLUGIN: &str = "name_this_process_in_processes_of_its_plugin";

/// A plugin as its author wrote it, checked.
pub struct Parts {
    pub plugin: Type,
    pub options: PluginOptions,
    pub lifecycle: Vec<Lifecycle>,
    pub actions: Vec<Action>,
    pub hooks: Vec<Hook>,
    pub entries: Vec<Entry>,
}

impl Parts {
    pub fn to_glue(&self) -> TokenStream {
        let plugin = self.plugin_impl();
        let lifecycle =
            (!self.lifecycle.is_empty()).then(|| lifecycle::to_glue(&self.plugin, &self.lifecycle));
        let actions =
            (!self.actions.is_empty()).then(|| actions::to_glue(&self.plugin, &self.actions));
        let hooks = hooks::to_glue(&self.plugin, &self.hooks);
        let processes = (!self.options.processes.is_empty()).then(|| self.processes_impl());
        let entries = entries::to_glue(&self.plugin, &self.entries);
        let declared = self.declared_events();
        let distinct = self.distinct_events();
        quote! { #plugin #lifecycle #actions #hooks #processes #entries #declared #distinct }
    }

    fn plugin_impl(&self) -> TokenStream {
        let plugin = &self.plugin;
        let config = type_or_empty(self.options.config.as_ref());
        let settings = type_or_empty(self.options.settings.as_ref());
        let manifest = self.manifest();
        let export = export(plugin, quote!(plugin::export_plugin));
        quote! {
            #[allow(unused_imports)]
            use ::moothall_sdk::Plugin as _;

            impl ::moothall_sdk::Plugin for #plugin {
                type Config = #config;
                type Settings = #settings;
                const PLUGIN: Self = #plugin;

                fn manifest(&self) -> ::moothall_sdk::manifest::Manifest {
                    #manifest
                }
            }

            #export

            #[cfg(not(target_family = "wasm"))]
            const _: () = ::moothall_sdk::export::not_exported::<#plugin>();
        }
    }

    fn manifest(&self) -> TokenStream {
        let options = &self.options;
        let name = options.name.iter();
        let version = options
            .version
            .as_ref()
            .map_or_else(|| quote!(::core::env!("CARGO_PKG_VERSION")), |version| quote!(#version));
        let description = options.description.iter();
        let auth_type = options.auth_type.iter();
        let config = options.config.iter();
        let settings = options.settings.iter();
        let key = options.community_platform_id_key.iter();
        let on_config_change = options.on_config_change.iter();
        let (reveal, http) = (&options.requests.reveal, &options.requests.http);
        let (tcp, accounts) = (&options.requests.tcp, &options.requests.accounts);
        let parts = self.parts();
        let lifecycle = self.lifecycle.iter().map(|function| function.manifest_name());
        let actions = self.actions.iter().map(actions::to_manifest);
        quote! {
            ::moothall_sdk::manifest::Manifest::new(#(#name)*)
                .version(#version)
                #(.description(#description))*
                #(.auth_type(#auth_type))*
                #(.config::<#config>())*
                #(.settings::<#settings>())*
                #(.community_platform_id_key(#key))*
                #(.on_config_change(#on_config_change))*
                #(.reveal(#reveal))*
                #(.http(#http))*
                #(.tcp(#tcp))*
                #(.accounts(#accounts))*
                #(.lifecycle(#lifecycle))*
                #(.action(#actions))*
                #parts
        }
    }

    /// Events, processes, schedules and signatures.
    fn parts(&self) -> TokenStream {
        let options = &self.options;
        let events = self.events();
        let processes = (!options.processes.is_empty())
            .then(|| quote!(.processes(<Self as ::moothall_sdk::export::Processes>::PROCESSES)));
        let schedule =
            self.hook(Kind::Producer).and_then(|hook| hook.options.schedule.to_manifest());
        let schedule = schedule.iter();
        let verify = self.verify(Kind::Webhook);
        let global_verify = self.verify(Kind::GlobalWebhook);
        let (verify, global_verify) = (verify.iter(), global_verify.iter());
        let handshakes = self.hooks.iter().flat_map(|hook| &hook.options.handshakes);
        let handshakes = handshakes.map(|one| one.to_manifest());
        let route_keys = &options.route_keys;
        let oauth = options.oauth.as_ref().map(|oauth| oauth.to_manifest());
        let oauth = oauth.iter();
        let (scope, hooks) = (options.scope.iter(), &options.hooks);
        let resident = options.resident.as_ref().map(|_| quote!(.resident()));
        let entries = self.entries.iter().map(entries::to_manifest);
        quote! {
            #(.event::<#events>())*
            #processes
            #(.producer(#schedule))*
            #(.verify(#verify))*
            #(.global_verify(#global_verify))*
            #(#handshakes)*
            #(.route_key(#route_keys))*
            #(.oauth(#oauth))*
            #(.scope(#scope))*
            #resident
            #(.hook(#hooks))*
            #(#entries)*
        }
    }

    /// Every type of event that is named, once.
    fn events(&self) -> Vec<&Type> {
        let in_hooks = self.hooks.iter().flat_map(|hook| &hook.options.events);
        let mut events: Vec<&Type> = Vec::new();
        for event in self.options.events.iter().chain(in_hooks) {
            if !events.iter().any(|known| is_same(known, event)) {
                events.push(event);
            }
        }
        events
    }

    /// The plugin and its processes emit these, and no others by their type.
    fn declared_events(&self) -> TokenStream {
        let mut declared = TokenStream::new();
        for event in self.events() {
            for emitter in std::iter::once(&self.plugin).chain(&self.options.processes) {
                declared.extend(quote! {
                    impl ::moothall_sdk::DeclaredBy<#emitter> for #event {}
                });
            }
        }
        declared
    }

    /// The host knows an event by its type alone, so each type belongs to one struct.
    fn distinct_events(&self) -> TokenStream {
        let events = self.events();
        let mut checks = TokenStream::new();
        for (at, event) in events.iter().enumerate() {
            for earlier in &events[..at] {
                checks.extend(quote_spanned! {event.span()=>
                    const _: () = ::core::assert!(
                        ::moothall_sdk::export::are_distinct::<#earlier, #event>(),
                        "two events of the plugin have this type; give one of them another in its `#[event(\"…\")]`"
                    );
                });
            }
        }
        checks
    }

    fn hook(&self, kind: Kind) -> Option<&Hook> {
        self.hooks.iter().find(|hook| hook.kind == kind)
    }

    fn verify(&self, kind: Kind) -> Option<TokenStream> {
        Some(self.hook(kind)?.options.verify.as_ref()?.to_manifest())
    }

    fn processes_impl(&self) -> TokenStream {
        let plugin = &self.plugin;
        let export = export(plugin, quote!(processes::export_processes));
        let listed = self.options.processes.iter().map(|process| listed(plugin, process));
        let named = self.options.processes.iter().map(named);
        quote! {
            impl ::moothall_sdk::export::Processes for #plugin {
                const PROCESSES: &'static [&'static dyn ::moothall_sdk::export::ProcessFunctions] =
                    &[#(#listed),*];
            }

            #(#named)*

            #export
        }
    }
}

/// The one place that asks whether the type is a process of the plugin, so that one that is none is one error.
fn listed(plugin: &Type, process: &Type) -> TokenStream {
    quote_spanned! {process.span()=>
        ::moothall_sdk::export::listed::<#plugin, #process>(&#process)
    }
}

fn is_same(one: &Type, other: &Type) -> bool {
    one.to_token_stream().to_string() == other.to_token_stream().to_string()
}

/// Uses the mark of a process, which counts as named by that. One of another crate has no mark of its own that can be
/// seen here, and what is no process has none: then that of any type is used.
fn named(process: &Type) -> TokenStream {
    let mark = Ident::new(NAMED_BY_A_PLUGIN, proc_macro2::Span::call_site());
    quote! {
        const _: fn() = || {
            #[allow(unused_imports)]
            use ::moothall_sdk::export::AnyType as _;
            #process.#mark();
        };
    }
}

pub fn type_or_empty(chosen: Option<&Type>) -> TokenStream {
    chosen.map_or_else(|| quote!(::moothall_sdk::Empty), |chosen| quote!(#chosen))
}

/// Exported by components only: elsewhere (a plugin's own tests) the symbols mean nothing to a linker.
fn export(plugin: &Type, export_macro: TokenStream) -> TokenStream {
    quote! {
        #[cfg(target_family = "wasm")]
        ::moothall_sdk::export::#export_macro!(#plugin);
    }
}
