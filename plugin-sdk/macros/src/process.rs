//! Makes a process of the `impl` block with `#[process]`. The process exports nothing itself: the plugin
//! that lists it does.

mod functions;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, ImplItem, ImplItemFn, ItemImpl, ItemStruct, LitStr, Type, parse_quote};

use crate::interface::{lifecycle, type_or_empty};
use crate::mistakes::Mistakes;
use crate::options::process::ProcessOptions;
use crate::plugin::unit_struct;
use crate::silence;
use crate::spelling::{self, Names};
use functions::{Function, NAMES};

const FORM: &str = "`#[process]` goes on the `impl` block of a unit struct: `struct MyVote;` and `impl MyVote { … }`";
const START: &str = "a process needs `fn start(&self, parameters: Parameters) -> Result<()>`";

/// Returns the `impl` block, the code that is generated next to it, and an error for each mistake.
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

/// A process as its author wrote it, checked. A process with mistakes has all parts that are right, so that the
/// plugin that names it still finds it.
struct ProcessParts {
    process: Type,
    name: LitStr,
    options: ProcessOptions,
    functions: Vec<Function>,
    is_right: bool,
}

fn read(
    attributes: TokenStream,
    block: &mut ItemImpl,
    mistakes: &mut Mistakes,
) -> Option<ProcessParts> {
    let Some(process) = unit_struct(block, FORM, mistakes) else {
        silence::all(block);
        return None;
    };
    let (options, are_right) = ProcessOptions::read(attributes, mistakes);
    let functions = functions(block, mistakes);
    // The bodies use the types of state and outcome, which are not known now.
    if !are_right {
        silence::all(block);
    }
    check_schedule(&options, block, mistakes);
    let (name, is_right) = (name_or_none(&options), mistakes.is_empty());
    Some(ProcessParts { process, name, options, functions, is_right })
}

/// Notes a schedule without `update`, which is what it schedules.
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

/// The functions that are right; notes the mistakes of the others.
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
                check_is_not_for_a_plugin(method, &names, &mut own);
            }
        }
        mistakes.append(own);
    }
    if !has_start {
        mistakes.add(&process, START);
    }
    functions
}

/// If the attribute is on a struct, makes a process without functions of it, so that the plugin
/// that lists it finds one.
fn on_a_struct(attributes: TokenStream, item: &TokenStream) -> Option<ProcessParts> {
    let name = syn::parse2::<ItemStruct>(item.clone()).ok()?.ident;
    let (options, _) = ProcessOptions::read(attributes, &mut Mistakes::default());
    let name_in_manifest = name_or_none(&options);
    let process = parse_quote!(#name);
    let (functions, is_right) = (Vec::new(), false);
    Some(ProcessParts { process, name: name_in_manifest, options, functions, is_right })
}

fn name_or_none(options: &ProcessOptions) -> LitStr {
    options.name.clone().unwrap_or_else(|| LitStr::new("nameless", Span::call_site()))
}

fn check_is_not_for_a_plugin(method: &ImplItemFn, names: &Names, mistakes: &mut Mistakes) {
    let name = &method.sig.ident;
    if lifecycle::is_name(name) && !names.occurs_again(&name.to_string()) {
        let message = format!(
            "`{name}` is never called on a process: it belongs in the block with `#[plugin]`; a process begins with `start`"
        );
        mistakes.add(name, message);
    }
}

impl ProcessParts {
    fn to_glue(&self) -> TokenStream {
        let process = self.process_impl();
        let functions = self.functions_impl();
        let check = self.is_right.then(|| self.check_is_listed());
        quote! { #process #functions #check }
    }

    /// Asks the compiler whether a plugin lists the process, which would never start otherwise.
    fn check_is_listed(&self) -> TokenStream {
        let process = &self.process;
        quote_spanned! {process.span()=>
            const _: () = ::moothall_sdk::export::is_listed::<_, #process>();
        }
    }

    fn process_impl(&self) -> TokenStream {
        let (process, name, options) = (&self.process, &self.name, &self.options);
        let state = type_or_json(options.state.as_ref());
        let outcome = type_or_json(options.outcome.as_ref());
        let manifest = self.manifest();
        quote! {
            #[allow(unused_imports)]
            use ::moothall_sdk::{Instance as _, Process as _};

            impl ::moothall_sdk::Process for #process {
                type State = #state;
                type Outcome = #outcome;
                const NAME: &'static str = #name;

                fn manifest(&self) -> ::moothall_sdk::manifest::GovernanceProcess {
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
            ::moothall_sdk::manifest::GovernanceProcess::new(#name)
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

                fn manifest(&self) -> ::moothall_sdk::manifest::GovernanceProcess {
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

/// Names the parameters' type first, so that the compiler reports a missing derive where the author
/// wrote the type.
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
