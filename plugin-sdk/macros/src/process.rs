//! From the `impl` block of a process to the process it means. It exports nothing: that is for the
//! plugin that lists it.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, ImplItem, ImplItemFn, ItemImpl, ItemStruct, LitStr, Type, parse_quote};

use crate::glue::{NAMED_BY_A_PLUGIN, type_or_empty};
use crate::method::lifecycle;
use crate::method::process::{Function, NAMES};
use crate::mistakes::Mistakes;
use crate::options::process::ProcessOptions;
use crate::plugin::unit_struct;
use crate::silence;
use crate::spelling::{self, Names};

const FORM: &str = "`#[process]` goes on the `impl` block of a unit struct: `struct MyVote;` and `impl MyVote { … }`";
const START: &str = "a process needs `fn start(&self, parameters: Parameters) -> Result<()>`";

/// The `impl` block, what is written beside it, and an error for each mistake.
pub fn expand(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let Ok(mut block) = syn::parse2::<ItemImpl>(item.clone()) else {
        mistakes.add_at(Span::call_site(), FORM);
        let glue = on_a_struct(attributes, &item).map(|parts| parts.to_glue());
        let errors = mistakes.into_tokens();
        return quote! { #errors #item #glue };
    };
    let glue = read(attributes, &mut block, &mut mistakes).map(|parts| parts.to_glue());
    let errors = mistakes.into_tokens();
    quote! { #block #glue #errors }
}

/// A process as its author wrote it, checked. Of a wrong one all that is right, so that whoever names it
/// finds one.
struct Parts {
    process: Type,
    name: LitStr,
    options: ProcessOptions,
    functions: Vec<Function>,
}

fn read(attributes: TokenStream, block: &mut ItemImpl, mistakes: &mut Mistakes) -> Option<Parts> {
    let Some(process) = unit_struct(block, FORM, mistakes) else {
        silence::all(block);
        return None;
    };
    let (options, are_right) = ProcessOptions::read(attributes, mistakes);
    let functions = functions(block, mistakes);
    // What the bodies say of state and outcome was meant for other types.
    if !are_right {
        silence::all(block);
    }
    check_schedule(&options, block, mistakes);
    Some(Parts { process, name: name_or_none(&options), options, functions })
}

/// A schedule is that of `update`.
fn check_schedule(options: &ProcessOptions, block: &ItemImpl, mistakes: &mut Mistakes) {
    let is_update =
        |item: &ImplItem| matches!(item, ImplItem::Fn(method) if method.sig.ident == "update");
    if let Some(option) = options.schedule.first().filter(|_| !block.items.iter().any(is_update)) {
        mistakes.add(
            option,
            "this says when `update` is called, and the process has none; add `fn update(&self) -> Result<()>`, or remove it",
        );
    }
}

/// The functions that are right; the others are noted.
fn functions(block: &mut ItemImpl, mistakes: &mut Mistakes) -> Vec<Function> {
    let (names, process) = (Names::of(block), block.self_ty.clone());
    let (mut functions, mut has_start) = (Vec::new(), false);
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let mut own = Mistakes::default();
        match Function::of(method, &mut own) {
            Some(function) => {
                has_start |= matches!(function, Function::Start(_));
                if own.is_empty() {
                    functions.push(function);
                } else {
                    silence::one(method);
                }
            }
            None => {
                has_start |= spelling::check(method, &NAMES, &names, &mut own) == Some("start");
                check_is_no_plugin_s(method, &names, &mut own);
            }
        }
        mistakes.append(own);
    }
    if !has_start {
        mistakes.add(&process, START);
    }
    functions
}

/// A struct with the attribute becomes the process that it was meant to be, without functions.
fn on_a_struct(attributes: TokenStream, item: &TokenStream) -> Option<Parts> {
    let name = syn::parse2::<ItemStruct>(item.clone()).ok()?.ident;
    let (options, _) = ProcessOptions::read(attributes, &mut Mistakes::default());
    let name_in_manifest = name_or_none(&options);
    let process = parse_quote!(#name);
    Some(Parts { process, name: name_in_manifest, options, functions: Vec::new() })
}

fn name_or_none(options: &ProcessOptions) -> LitStr {
    options.name.clone().unwrap_or_else(|| LitStr::new("nameless", Span::call_site()))
}

fn check_is_no_plugin_s(method: &ImplItemFn, names: &Names, mistakes: &mut Mistakes) {
    let name = &method.sig.ident;
    if lifecycle::is_name(name) && !names.is_called(&name.to_string()) {
        let message = format!(
            "nobody calls `{name}` of a process: it belongs into the block with `#[plugin]`; a process begins with `start`"
        );
        mistakes.add(name, message);
    }
}

impl Parts {
    fn to_glue(&self) -> TokenStream {
        let process = self.process_impl();
        let functions = self.functions_impl();
        let (mark, types) = (self.mark(), self.types_impl());
        quote! { #process #functions #mark #types }
    }

    /// What the plugin that lists the process uses: where none does, the compiler says that this is never
    /// used, and its name says what to do.
    fn mark(&self) -> TokenStream {
        let process = &self.process;
        // The author's own place: of what is written by a macro nobody is told that it is unused.
        let place = process.span();
        let mark = Ident::new(NAMED_BY_A_PLUGIN, place);
        quote_spanned! {place=>
            impl #process {
                #[doc(hidden)]
                pub(crate) fn #mark(&self) {}
            }
        }
    }

    fn process_impl(&self) -> TokenStream {
        let (process, name, options) = (&self.process, &self.name, &self.options);
        let config = type_or_empty(options.config.as_ref());
        let settings = type_or_empty(options.settings.as_ref());
        let state = type_or_json(options.state.as_ref());
        let outcome = type_or_json(options.outcome.as_ref());
        let manifest = self.manifest();
        quote! {
            #[allow(unused_imports)]
            use ::moothall_sdk::Process as _;

            impl ::moothall_sdk::Process for #process {
                type Config = #config;
                type Settings = #settings;
                type State = #state;
                type Outcome = #outcome;
                const NAME: &'static str = #name;

                fn manifest(&self) -> ::moothall_sdk::manifest::Process {
                    #manifest
                }
            }
        }
    }

    /// Which plugins have the configuration and the settings that it reads: any, where it reads none.
    fn types_impl(&self) -> TokenStream {
        let process = &self.process;
        let config = self.options.config.iter();
        let settings = self.options.settings.iter();
        quote! {
            impl<P: ::moothall_sdk::Plugin> ::moothall_sdk::export::ProcessOf<P> for #process
            where
                #(P::Config: ::moothall_sdk::export::ConfigOfProcess<#config>,)*
                #(P::Settings: ::moothall_sdk::export::SettingsOfProcess<#settings>,)*
            {
            }
        }
    }

    fn manifest(&self) -> TokenStream {
        let (name, options) = (&self.name, &self.options);
        let description = options.description.iter();
        let parameters = self.parameters().into_iter();
        let outcome = options.outcome.iter();
        let functions = self.functions.iter().filter_map(Function::manifest_name);
        let schedule = options.schedule.to_manifest();
        let schedule = schedule.iter();
        quote! {
            ::moothall_sdk::manifest::Process::new(#name)
                #(.description(#description))*
                #(.parameters::<#parameters>())*
                #(.outcome::<#outcome>())*
                #(.function(#functions))*
                #(.schedule(#schedule))*
        }
    }

    fn parameters(&self) -> Option<&Type> {
        self.functions.iter().find_map(|function| match function {
            Function::Start(parameters) => parameters.as_deref(),
            _ => None,
        })
    }

    fn functions_impl(&self) -> TokenStream {
        let (process, name) = (&self.process, &self.name);
        let functions = self.functions.iter().map(function);
        let has_start = self.functions.iter().any(|one| matches!(one, Function::Start(_)));
        let no_start = (!has_start).then(|| {
            quote! {
                fn start(&self, _: &str) -> ::moothall_sdk::Result<()> {
                    ::core::unreachable!("the process does not compile")
                }
            }
        });
        quote! {
            impl ::moothall_sdk::export::ProcessFunctions for #process {
                fn name(&self) -> &'static str {
                    #name
                }

                fn manifest(&self) -> ::moothall_sdk::manifest::Process {
                    ::moothall_sdk::Process::manifest(self)
                }

                #(#functions)*
                #no_start
            }
        }
    }
}

fn type_or_json(chosen: Option<&Type>) -> TokenStream {
    chosen.map_or_else(|| quote!(::moothall_sdk::serde_json::Value), |chosen| quote!(#chosen))
}

fn function(function: &Function) -> TokenStream {
    match function {
        Function::Start(parameters) => start(parameters.as_deref()),
        Function::Update => without_parameters("update"),
        Function::Close => without_parameters("close"),
        Function::ReceiveWebhook => quote! {
            fn receive_webhook(
                &self,
                request: ::moothall_sdk::WebhookRequest,
            ) -> ::moothall_sdk::Result<::core::option::Option<::moothall_sdk::WebhookResponse>> {
                ::moothall_sdk::export::received(Self::receive_webhook(self, request))
            }
        },
    }
}

/// The parameters' type is named first, so that what it lacks is reported where its author wrote it.
fn start(parameters: Option<&Type>) -> TokenStream {
    let kind = type_or_empty(parameters);
    let call = match parameters {
        Some(_) => quote!(|parameters| Self::start(self, parameters)),
        None => quote!(|_| Self::start(self)),
    };
    quote! {
        fn start(&self, parameters: &str) -> ::moothall_sdk::Result<()> {
            ::moothall_sdk::export::start::<#kind>(parameters, #call)
        }
    }
}

fn without_parameters(name: &str) -> TokenStream {
    let name = Ident::new(name, Span::call_site());
    quote! {
        fn #name(&self) -> ::moothall_sdk::Result<()> {
            Self::#name(self)
        }
    }
}
