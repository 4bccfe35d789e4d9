//! Methods with `#[action(…)]`.

use syn::{Attribute, Ident, LitStr, Signature, Type};

use super::{check_shape, is_unit, lifecycle, parameter_types, result_type};
use crate::mistakes::Mistakes;
use crate::options::action::ActionOptions;

/// An action whose signature is right.
pub struct Action {
    pub method: Ident,
    pub slug: LitStr,
    pub options: ActionOptions,
    pub parameters: Option<Type>,
    /// None for `Result<()>`.
    pub result: Option<Type>,
}

impl Action {
    /// The action that a method with `attribute` is, as far as one can be made out.
    pub fn read(
        attribute: &Attribute,
        signature: &Signature,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let mut options = ActionOptions::parse(attribute, mistakes);
        let (parameters, result) = read_signature(signature, mistakes)?;
        let slug = options.slug.take()?;
        Some(Self { method: signature.ident.clone(), slug, options, parameters, result })
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

/// Whether the type is one that everybody knows to be no struct. Others are left to their schema.
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
