//! From the `impl` block of a process to the process it means. It exports nothing: that is for the
//! plugin that lists it.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, ImplItem, ItemImpl, Type};

use crate::glue::type_or_empty;
use crate::method::process::Function;
use crate::mistakes::Mistakes;
use crate::options::process::ProcessOptions;
use crate::plugin::unit_struct;

const FORM: &str = "`#[process]` goes on the `impl` block of a unit struct: `struct MyVote;` and `impl MyVote { … }`";
const START: &str = "a process needs `fn start(&self, parameters: Parameters) -> Result<()>`";

/// The `impl` block, what is written beside it, and an error for each mistake.
pub fn expand(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let Ok(block) = syn::parse2::<ItemImpl>(item.clone()) else {
        mistakes.add_at(Span::call_site(), FORM);
        let errors = mistakes.into_tokens();
        return quote! { #errors #item };
    };
    let glue = read(attributes, &block, &mut mistakes).map(|parts| parts.to_glue());
    let errors = mistakes.into_tokens();
    quote! { #block #glue #errors }
}

/// A process as its author wrote it, checked.
struct Parts {
    process: Type,
    name: syn::LitStr,
    options: ProcessOptions,
    functions: Vec<Function>,
}

fn read(attributes: TokenStream, block: &ItemImpl, mistakes: &mut Mistakes) -> Option<Parts> {
    let process = unit_struct(block, FORM, mistakes)?;
    let options = ProcessOptions::parse(attributes, mistakes);
    let mut functions = Vec::new();
    for item in &block.items {
        let ImplItem::Fn(method) = item else { continue };
        let mut own = Mistakes::default();
        functions.extend(Function::of(method, &mut own));
        mistakes.append(own);
    }
    if !functions.iter().any(|function| matches!(function, Function::Start(_))) {
        mistakes.add(&block.self_ty, START);
    }
    // With wrong functions the glue would bring forth errors of its own.
    let name = options.name.clone().filter(|_| mistakes.is_empty())?;
    Some(Parts { process, name, options, functions })
}

impl Parts {
    fn to_glue(&self) -> TokenStream {
        let process = self.process_impl();
        let functions = self.functions_impl();
        quote! { #process #functions }
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
        quote! {
            impl ::moothall_sdk::export::ProcessFunctions for #process {
                fn name(&self) -> &'static str {
                    #name
                }

                #(#functions)*
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
