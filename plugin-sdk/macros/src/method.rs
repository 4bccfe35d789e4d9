//! A method that an attribute makes part of an interface: the steps that are the same for each such
//! attribute.

use syn::{Attribute, Ident, LitStr, Meta, Signature, Type};

use crate::mistakes::Mistakes;
use crate::options::{read, tokens_of, unknown};
use crate::signature::{Form, parameter_types};

/// A method whose signature and options are right.
pub struct Method<O> {
    pub name: Ident,
    /// The type of its parameter, if it has one besides `&self`.
    pub parameter: Option<Type>,
    pub options: O,
}

/// The options of one attribute, and the form of the methods that it goes on.
pub trait Options: Default {
    /// The attribute's name.
    const ATTRIBUTE: &'static str;
    const FORM: Form;
    /// All options, as a message lists them.
    const KNOWN: &'static str = "none";
    /// The option by whose value the host chooses one of several methods. Without one, a plugin has one
    /// method with the attribute.
    const KEY: Option<&'static str> = None;

    /// Takes one option; false if the attribute has no such option.
    fn accept(&mut self, _option: &Meta, _mistakes: &mut Mistakes) -> bool {
        false
    }

    /// Notes what is missing and what contradicts itself, once every option has been taken.
    fn check(&self, _attribute: &Attribute, _mistakes: &mut Mistakes) {}

    /// The value of the option [`KEY`](Self::KEY).
    fn key(&self) -> Option<&LitStr> {
        None
    }
}

impl<O: Options> Method<O> {
    /// Reads a method with the attribute; none, and each mistake noted, if something about it is wrong.
    pub fn read(
        attribute: &Attribute,
        signature: &Signature,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let mut own = Mistakes::default();
        let options = Self::read_options(attribute, &mut own);
        O::FORM.check(signature, &mut own);
        let is_right = own.is_empty();
        mistakes.append(own);
        let parameter = parameter_types(&signature.inputs).first().map(|&found| found.clone());
        is_right.then(|| Self { name: signature.ident.clone(), parameter, options })
    }

    fn read_options(attribute: &Attribute, mistakes: &mut Mistakes) -> O {
        let mut options = O::default();
        for option in read(tokens_of(attribute), mistakes) {
            if !options.accept(&option, mistakes) {
                unknown(&option, O::KNOWN, mistakes);
            }
        }
        if let (Some(key), None) = (O::KEY, options.key()) {
            mistakes.add(attribute, format!("write `#[{}({key} = \"…\")]`", O::ATTRIBUTE));
        }
        options.check(attribute, mistakes);
        options
    }
}

/// Notes each method whose key an earlier one has, and leaves it out.
pub fn without_duplicates<O: Options>(
    methods: Vec<Method<O>>,
    mistakes: &mut Mistakes,
) -> Vec<Method<O>> {
    let key = |method: &Method<O>| method.options.key().map(LitStr::value);
    let mut unique: Vec<Method<O>> = Vec::new();
    for method in methods {
        match unique.iter().find(|earlier| key(earlier) == key(&method)) {
            Some(earlier) => mistakes.add(&method.name, taken_by::<O>(&earlier.name)),
            None => unique.push(method),
        }
    }
    unique
}

fn taken_by<O: Options>(earlier: &Ident) -> String {
    let attribute = O::ATTRIBUTE;
    match O::KEY {
        Some(key) => format!("`{earlier}` has `#[{attribute}]` with the same `{key}` already"),
        None => format!("`{earlier}` has `#[{attribute}]` already; a plugin has one"),
    }
}
