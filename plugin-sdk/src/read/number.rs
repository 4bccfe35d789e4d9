//! A number of a JSON text, in the first of these forms that it fits.

use serde::de::{Unexpected, Visitor};

use crate::misfit::Misfit;

pub enum Number {
    Natural(u64),
    Negative(i64),
    Float(f64),
}

impl Number {
    /// None for a number that is beyond all of them.
    pub fn read(digits: &str) -> Option<Self> {
        if let Ok(natural) = digits.parse() {
            return Some(Self::Natural(natural));
        }
        match digits.parse() {
            Ok(negative @ ..=-1) => Some(Self::Negative(negative)),
            _ => digits.parse().ok().filter(|float: &f64| float.is_finite()).map(Self::Float),
        }
    }

    pub fn as_unexpected(&self) -> Unexpected<'static> {
        match *self {
            Self::Natural(number) => Unexpected::Unsigned(number),
            Self::Negative(number) => Unexpected::Signed(number),
            Self::Float(number) => Unexpected::Float(number),
        }
    }

    pub fn visit<'t, V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self {
            Self::Natural(number) => visitor.visit_u64(number),
            Self::Negative(number) => visitor.visit_i64(number),
            Self::Float(number) => visitor.visit_f64(number),
        }
    }
}
