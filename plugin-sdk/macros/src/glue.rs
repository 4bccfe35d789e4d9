//! The code that is generated next to an author's `impl` block. It only names things: the SDK's functions that it
//! calls do the work.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use crate::interface::{Interfaces, export, processes, type_or_empty};
use crate::options::plugin::PluginOptions;

/// A plugin as its author wrote it, checked.
pub struct PluginParts {
    pub plugin: Type,
    pub options: PluginOptions,
    pub interfaces: Interfaces,
}

impl PluginParts {
    pub fn to_glue(&self) -> TokenStream {
        let plugin = self.plugin_impl();
        let interfaces = self.interfaces.to_glue(&self.plugin);
        let processes = processes::to_glue(&self.plugin, &self.options.processes);
        let declared = self.declared_events();
        let distinct = self.distinct_events();
        quote! { #plugin #interfaces #processes #declared #distinct }
    }

    fn plugin_impl(&self) -> TokenStream {
        let plugin = &self.plugin;
        let config = type_or_empty(self.options.config.as_ref());
        let settings = type_or_empty(self.options.settings.as_ref());
        let manifest = self.manifest();
        let export = export(plugin, quote!(plugin::export_plugin));
        quote! {
            #[allow(unused_imports)]
            use ::moothall_sdk::{Instance as _, Plugin as _};

            impl ::moothall_sdk::Instance<#plugin> for #plugin {}

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
        let (title, homepage) = (options.title.iter(), options.homepage.iter());
        let description = options.description.iter();
        let auth_type = options.auth_type.iter();
        let config = options.config.iter();
        let settings = options.settings.iter();
        let key = options.community_platform_id_key.iter();
        let on_config_change = options.on_config_change.iter();
        let (reveal, http) = (&options.requests.reveal, &options.requests.http);
        let (tcp, accounts) = (&options.requests.tcp, &options.requests.accounts);
        let parts = self.parts();
        let interfaces = self.interfaces.to_manifest();
        quote! {
            ::moothall_sdk::manifest::Manifest::new(#(#name)*)
                .version(#version)
                #(.title(#title))*
                #(.homepage(#homepage))*
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
                #interfaces
                #parts
        }
    }

    /// Events, processes, route keys, OAuth, scope and hooks.
    fn parts(&self) -> TokenStream {
        let options = &self.options;
        let events = self.events();
        let processes = (!options.processes.is_empty())
            .then(|| quote!(.processes(<Self as ::moothall_sdk::export::Processes>::PROCESSES)));
        let route_keys = &options.route_keys;
        let oauth = options.oauth.iter().map(|oauth| oauth.to_manifest());
        let (scope, hooks) = (options.scope.iter(), &options.hooks);
        let resident = options.resident.as_ref().map(|_| quote!(.resident()));
        quote! {
            #(.event::<#events>())*
            #processes
            #(.route_key(#route_keys))*
            #(.oauth(#oauth))*
            #(.scope(#scope))*
            #resident
            #(.hook(#hooks))*
        }
    }

    /// Every type of event that the plugin names, once.
    fn events(&self) -> Vec<&Type> {
        let mut events: Vec<&Type> = Vec::new();
        for event in self.options.events.iter().chain(self.interfaces.events()) {
            if !events.iter().any(|known| is_same(known, event)) {
                events.push(event);
            }
        }
        events
    }

    /// Allows the plugin and its processes to emit these events as types, and no others.
    fn declared_events(&self) -> TokenStream {
        let mut declared = TokenStream::new();
        let plugin = &self.plugin;
        for event in self.events() {
            declared.extend(quote! {
                impl ::moothall_sdk::DeclaredBy<#plugin> for #event {}
            });
        }
        declared
    }

    /// Checks that no two structs have the same type of event, because the host knows an event by
    /// its type alone.
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
}

fn is_same(one: &Type, other: &Type) -> bool {
    one.to_token_stream().to_string() == other.to_token_stream().to_string()
}
