//! The code that is written beside an author's `impl` block. It only names things: what happens is
//! in the SDK's functions that it calls.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

use crate::method::action::Action;
use crate::method::lifecycle::Lifecycle;
use crate::options::plugin::PluginOptions;

/// A plugin as its author wrote it, checked.
pub struct Parts {
    pub plugin: Type,
    pub options: PluginOptions,
    pub lifecycle: Vec<Lifecycle>,
    pub actions: Vec<Action>,
}

impl Parts {
    pub fn to_glue(&self) -> TokenStream {
        let plugin = self.plugin_impl();
        let lifecycle = (!self.lifecycle.is_empty()).then(|| self.lifecycle_impl());
        let actions = (!self.actions.is_empty()).then(|| self.actions_impl());
        quote! { #plugin #lifecycle #actions }
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
        let reveal = &options.reveal;
        let lifecycle = self.lifecycle.iter().map(|function| function.manifest_name());
        let actions = self.actions.iter().map(action_manifest);
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
                #(.lifecycle(#lifecycle))*
                #(.action(#actions))*
        }
    }

    fn lifecycle_impl(&self) -> TokenStream {
        let plugin = &self.plugin;
        let functions = self.lifecycle.iter().map(|function| lifecycle_function(*function));
        let export = export(plugin, quote!(lifecycle::export_lifecycle));
        quote! {
            impl ::moothall_sdk::export::Lifecycle for #plugin {
                #(#functions)*
            }

            #export
        }
    }

    fn actions_impl(&self) -> TokenStream {
        let plugin = &self.plugin;
        let arms = self.actions.iter().map(action_arm);
        let export = export(plugin, quote!(actions::export_actions));
        quote! {
            impl ::moothall_sdk::export::Actions for #plugin {
                fn perform(
                    &self,
                    slug: &str,
                    parameters: &str,
                ) -> ::moothall_sdk::Result<::core::option::Option<::std::string::String>> {
                    match slug {
                        #(#arms)*
                        unknown => ::moothall_sdk::export::unknown_action(unknown),
                    }
                }
            }

            #export
        }
    }
}

fn type_or_empty(chosen: Option<&Type>) -> TokenStream {
    chosen.map_or_else(|| quote!(::moothall_sdk::Empty), |chosen| quote!(#chosen))
}

/// Exported by components only: elsewhere (a plugin's own tests) the symbols mean nothing to a linker.
fn export(plugin: &Type, export_macro: TokenStream) -> TokenStream {
    quote! {
        #[cfg(target_family = "wasm")]
        ::moothall_sdk::export::#export_macro!(#plugin);
    }
}

fn action_manifest(action: &Action) -> TokenStream {
    let slug = &action.slug;
    let description = action.options.description.iter();
    let parameters = action.parameters.iter();
    let result = action.result.iter();
    let public = action.options.public.then(|| quote!(.public()));
    let read_only = action.options.read_only.then(|| quote!(.read_only()));
    quote! {
        ::moothall_sdk::manifest::Action::new(#slug)
            #(.description(#description))*
            #(.parameters::<#parameters>())*
            #(.response::<#result>())*
            #public
            #read_only
    }
}

/// The parameters' type is named first, so that what it lacks is reported where its author wrote it.
fn action_arm(action: &Action) -> TokenStream {
    let Action { slug, method, .. } = action;
    let kind = type_or_empty(action.parameters.as_ref());
    let answer = match &action.result {
        Some(result) => quote!(answer::<#kind, #result>),
        None => quote!(answer_nothing::<#kind>),
    };
    let call = match &action.parameters {
        Some(_) => quote!(|parameters| Self::#method(self, parameters)),
        None => quote!(|_| Self::#method(self)),
    };
    quote! { #slug => ::moothall_sdk::export::#answer(parameters, #call), }
}

fn lifecycle_function(function: Lifecycle) -> TokenStream {
    match function {
        Lifecycle::Initialize => quote! {
            fn initialize(&self) -> ::moothall_sdk::Result<()> {
                Self::initialize(self)
            }
        },
        Lifecycle::ConfigChanged => quote! {
            fn config_changed(&self, previous: &str) -> ::moothall_sdk::Result<()> {
                ::moothall_sdk::export::config_changed(previous, |previous| Self::config_changed(self, previous))
            }
        },
        Lifecycle::Upgraded => quote! {
            fn upgraded(&self, from_version: ::std::string::String) -> ::moothall_sdk::Result<()> {
                Self::upgraded(self, from_version)
            }
        },
        Lifecycle::Close => quote! {
            fn close(&self) -> ::moothall_sdk::Result<()> {
                Self::close(self)
            }
        },
    }
}
