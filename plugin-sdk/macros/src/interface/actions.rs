//! `actions.wit`: methods with `#[action]`. The host chooses one by its slug.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Attribute, Ident, LitStr, Meta, Signature, Type};

use super::{export, lifecycle, type_or_empty};
use crate::mistakes::Mistakes;
use crate::name;
use crate::options::{flag, read, text, tokens_of, unknown};
use crate::signature::{check_shape, is_no_object, is_unit, parameter_types, result_type};

/// An action whose signature is right.
pub struct Action {
    method: Ident,
    slug: LitStr,
    options: ActionOptions,
    parameters: Option<Type>,
    /// None for `Result<()>`.
    result: Option<Type>,
}

/// The options of `#[action(…)]`.
#[derive(Default)]
struct ActionOptions {
    slug: Option<LitStr>,
    description: Option<LitStr>,
    public: bool,
    read_only: bool,
}

impl Action {
    /// Reads a method with the attribute; none, and each mistake noted, if something about it is wrong.
    pub fn read(
        attribute: &Attribute,
        signature: &Signature,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let mut own = Mistakes::default();
        let mut options = ActionOptions::parse(attribute, &mut own);
        let types = read_signature(signature, &mut own);
        let is_right = own.is_empty();
        mistakes.append(own);
        let (parameters, result) = types.filter(|_| is_right)?;
        let slug = options.slug.take()?;
        Some(Self { method: signature.ident.clone(), slug, options, parameters, result })
    }
}

impl ActionOptions {
    fn parse(attribute: &Attribute, mistakes: &mut Mistakes) -> Self {
        let mut options = Self::default();
        for option in read(tokens_of(attribute), mistakes) {
            options.accept(&option, mistakes);
        }
        match &options.slug {
            Some(slug) => name::check("a slug", slug, mistakes),
            None => {
                mistakes.add(attribute, "an action needs a slug: `#[action(slug = \"my-action\")]`")
            }
        }
        options
    }

    fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) {
        let path = option.path();
        if path.is_ident("slug") {
            self.slug = text(option, mistakes);
        } else if path.is_ident("description") {
            self.description = text(option, mistakes);
        } else if path.is_ident("public") {
            self.public = flag(option, mistakes);
        } else if path.is_ident("read_only") {
            self.read_only = flag(option, mistakes);
        } else {
            unknown(option, "`slug`, `description`, `public` and `read_only`", mistakes);
        }
    }
}

/// Notes each action whose slug an earlier one has, and leaves it out.
pub fn without_duplicates(actions: Vec<Action>, mistakes: &mut Mistakes) -> Vec<Action> {
    let mut unique: Vec<Action> = Vec::new();
    for action in actions {
        match unique.iter().find(|earlier| earlier.slug.value() == action.slug.value()) {
            Some(earlier) => {
                let message = format!(
                    "the slug is taken by `{}`; give `{}` another",
                    earlier.method, action.method
                );
                mistakes.add(&action.slug, message);
            }
            None => unique.push(action),
        }
    }
    unique
}

type ParametersAndResult = (Option<Type>, Option<Type>);

fn read_signature(signature: &Signature, mistakes: &mut Mistakes) -> Option<ParametersAndResult> {
    let form = format!("fn {}(&self, parameters: Parameters) -> Result<Answer>", signature.ident);
    check_shape(signature, &form, mistakes);
    if lifecycle::is_name(&signature.ident) {
        mistakes.add(
            &signature.ident,
            "the host calls a method of this name by itself; give the action's method another",
        );
    }
    let parameters = parameter_types(&signature.inputs);
    if let Some(second) = parameters.get(1) {
        mistakes.add(
            second,
            format!("an action takes one struct with all its parameters; write `{form}`"),
        );
    }
    let parameters = parameters.first().copied();
    if let Some(scalar) = parameters.filter(|found| is_no_object(found)) {
        mistakes.add(
            scalar,
            format!("an action's parameters are a JSON object: take a struct; write `{form}`"),
        );
    }
    let result = result_type(signature, &form, mistakes)?;
    Some((parameters.cloned(), Some(result).filter(|result| !is_unit(result)).cloned()))
}

pub fn to_glue(plugin: &Type, actions: &[Action]) -> Option<TokenStream> {
    actions.first()?;
    let arms = actions.iter().map(action_arm);
    let export = export(plugin, quote!(actions::export_actions));
    Some(quote! {
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
    })
}

pub fn to_manifest(action: &Action) -> TokenStream {
    let slug = &action.slug;
    let description = action.options.description.iter();
    let parameters = action.parameters.iter();
    let result = action.result.iter();
    let public = action.options.public.then(|| quote!(.public()));
    let read_only = action.options.read_only.then(|| quote!(.read_only()));
    quote! {
        .action(::moothall_sdk::manifest::Action::new(#slug)
            #(.description(#description))*
            #(.parameters::<#parameters>())*
            #(.response::<#result>())*
            #public
            #read_only)
    }
}

/// Names the parameters' type first, so that the compiler reports a missing derive where the author
/// wrote the type.
fn action_arm(action: &Action) -> TokenStream {
    let Action { slug, method, .. } = action;
    let kind = type_or_empty(action.parameters.as_ref());
    let answer = match &action.result {
        Some(result) => quote!(answer::<#kind, #result>),
        None => quote!(answer_nothing::<#kind>),
    };
    let call = match &action.parameters {
        Some(_) => quote_spanned!(method.span()=> |parameters| Self::#method(self, parameters)),
        None => quote_spanned!(method.span()=> |_| Self::#method(self)),
    };
    // The compiler reports what does not fit at the method, not at the whole attribute.
    quote_spanned! {method.span()=> #slug => ::moothall_sdk::export::#answer(parameters, #call), }
}
