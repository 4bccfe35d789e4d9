//! Checks the signature of a method that the host calls. A mistake points at the token that is wrong and
//! shows the whole right signature.

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    FnArg, GenericArgument, PathArguments, Receiver, ReceiverKind, ReturnType, Signature, Token,
    Type,
};

use crate::mistakes::Mistakes;

/// The signature that the methods with one attribute must have.
pub struct Form {
    /// What follows the method's name: `(&self, event: Envelope) -> Result<()>`.
    pub signature: &'static str,
    pub parameter: Parameter,
    /// Whether the `T` of `Result<T>` is right.
    pub has_result: fn(&Type) -> bool,
}

/// What a method takes besides `&self`.
pub enum Parameter {
    Nothing,
    /// A type that the author chooses.
    Any,
    /// A type of the SDK, by its last name.
    Named(&'static str),
}

impl Form {
    /// Notes each difference between the signature and this form.
    pub fn check(&self, signature: &Signature, mistakes: &mut Mistakes) {
        let form = self.for_method(&signature.ident);
        check_shape(signature, &form, mistakes);
        check_parameter(&self.parameter, signature, &form, mistakes);
        let result = result_type(signature, &form, mistakes);
        if let Some(result) = result.filter(|result| !(self.has_result)(result)) {
            mistakes.add(result, format!("this method has another result; write `{form}`"));
        }
    }

    /// The whole signature, as a message shows it.
    pub fn for_method(&self, name: impl std::fmt::Display) -> String {
        format!("fn {name}{}", self.signature)
    }
}

/// Notes where a method differs from `fn name(&self, …) -> Result<…>`, the form of every method
/// that the host calls.
pub fn check_shape(signature: &Signature, form: &str, mistakes: &mut Mistakes) {
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

/// Notes a mistake unless the method has exactly this parameter besides `self`.
pub fn check_parameter(
    expected: &Parameter,
    signature: &Signature,
    form: &str,
    mistakes: &mut Mistakes,
) {
    let types = parameter_types(&signature.inputs);
    match (types.as_slice(), expected) {
        ([], Parameter::Nothing) | ([_], Parameter::Any) => {}
        ([only], Parameter::Named(expected)) if is_named(only, expected) => {}
        ([only], Parameter::Named(_)) => {
            mistakes.add(only, format!("`{}` takes another type; write `{form}`", signature.ident));
        }
        _ => mistakes.add_at(
            parameters_span(signature),
            format!("`{}` has other parameters; write `{form}`", signature.ident),
        ),
    }
}

/// The types of the parameters after `self`.
pub fn parameter_types(inputs: &Punctuated<FnArg, Token![,]>) -> Vec<&Type> {
    let mut types = Vec::new();
    for input in inputs {
        if let FnArg::Typed(parameter) = input {
            types.push(&*parameter.ty);
        }
    }
    types
}

/// The `T` of `Result<T>`.
pub fn result_type<'a>(
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

pub fn is_unit(result: &Type) -> bool {
    matches!(result, Type::Tuple(tuple) if tuple.elems.is_empty())
}

pub fn is_named(found: &Type, name: &str) -> bool {
    matches!(found, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

/// Whether a method that receives webhooks may return this.
pub fn is_webhook_answer(result: &Type) -> bool {
    is_unit(result) || is_named(result, "WebhookResponse") || is_named(result, "Option")
}

/// Whether the type is obviously no struct. The schema decides about all others.
pub fn is_no_object(parameters: &Type) -> bool {
    const NO_OBJECTS: [&str; 17] = [
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "isize", "u8", "u16", "u32",
        "u64", "usize", "String", "Vec", "Option",
    ];
    match parameters {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|name| NO_OBJECTS.iter().any(|known| name.ident == known)),
        Type::Reference(_) | Type::Tuple(_) | Type::Array(_) | Type::Slice(_) => true,
        _ => false,
    }
}

/// Everything between the brackets of the parameter list, or the method's name if it is empty.
pub fn parameters_span(signature: &Signature) -> proc_macro2::Span {
    if signature.inputs.is_empty() { signature.ident.span() } else { signature.inputs.span() }
}
