//! The methods of the `impl` block that the host calls, and whether their signatures are right.
//! A mistake points at the token that is wrong and shows the whole right signature.

pub mod action;
pub mod entry;
pub mod hook;
pub mod lifecycle;
pub mod process;

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    FnArg, GenericArgument, PathArguments, Receiver, ReceiverKind, ReturnType, Signature, Token,
    Type,
};

use crate::mistakes::Mistakes;

/// What is the same in every method that the host calls: `fn name(&self, …) -> Result<…>`.
fn check_shape(signature: &Signature, form: &str, mistakes: &mut Mistakes) {
    if let Some(asyncness) = &signature.asyncness {
        mistakes.add(asyncness, format!("a plugin's methods are not async; write `{form}`"));
    }
    if !signature.generics.params.is_empty() {
        mistakes.add(&signature.generics, format!("this method cannot be generic; write `{form}`"));
    }
    match signature.inputs.first() {
        Some(FnArg::Receiver(receiver)) if is_shared_reference(receiver) => {}
        Some(FnArg::Receiver(receiver)) => {
            mistakes.add(receiver, format!("this method takes `&self`; write `{form}`"));
        }
        _ => mistakes.add(&signature.ident, format!("this method takes `&self`; write `{form}`")),
    }
}

fn is_shared_reference(receiver: &Receiver) -> bool {
    matches!(&receiver.kind, ReceiverKind::Reference(_, None, None))
}

/// The types of the parameters after `self`.
fn parameter_types(inputs: &Punctuated<FnArg, Token![,]>) -> Vec<&Type> {
    let mut types = Vec::new();
    for input in inputs {
        if let FnArg::Typed(parameter) = input {
            types.push(&*parameter.ty);
        }
    }
    types
}

/// The `T` of `Result<T>`.
fn result_type<'a>(
    signature: &'a Signature,
    form: &str,
    mistakes: &mut Mistakes,
) -> Option<&'a Type> {
    let ReturnType::Type(_, output) = &signature.output else {
        mistakes.add(&signature.ident, format!("this method returns a `Result`; write `{form}`"));
        return None;
    };
    let found = first_of_result(output);
    if found.is_none() {
        mistakes.add(output, format!("this method returns a `Result`; write `{form}`"));
    }
    found
}

fn first_of_result(output: &Type) -> Option<&Type> {
    let Type::Path(path) = output else {
        return None;
    };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(result) => Some(result),
        _ => None,
    }
}

fn is_unit(result: &Type) -> bool {
    matches!(result, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// Everything between the brackets of the parameter list, or the method's name if it is empty.
fn parameters_span(signature: &Signature) -> proc_macro2::Span {
    if signature.inputs.is_empty() { signature.ident.span() } else { signature.inputs.span() }
}
