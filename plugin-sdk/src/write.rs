//! Writes an author's value as JSON. `serde_json` writes an infinite number and NaN as `null`; here this is an
//! error with its place, because nobody could notice it later.
//!
//! All of a component's writing goes through this one writer, for the reason that reading has one reader.

mod compound;
mod quoted;
mod writer;

use serde::Serialize;
use serde_json::Value;

use crate::misfit::Misfit;
use crate::{Error, Result, read};
use writer::{NOT_FINITE, Writer};

/// The JSON text. `internal`: the value cannot be written.
pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    let mut writer = Writer::default();
    match value.serialize(&mut writer) {
        Ok(()) => Ok(writer.text),
        Err(misfit) => Err(unwritable(misfit)),
    }
}

/// Writes a value as a JSON value. `internal`: it cannot be written.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    read::of_host(json(value)?)
}

#[cold]
#[inline(never)]
fn unwritable(misfit: Misfit) -> Error {
    if misfit.message() != NOT_FINITE {
        return Error::internal(misfit);
    }
    let place = match misfit.place() {
        "" => String::new(),
        place => format!(" at {place}"),
    };
    Error::internal(format!("the number{place} {NOT_FINITE}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::json;

    #[derive(Serialize)]
    enum Shape {
        Circle { radius: f32 },
        Path(f64, f64),
    }

    #[test]
    fn a_number_that_json_cannot_say_is_refused_with_its_place() {
        let beyond: f32 = 1e39_f64 as f32;
        let said = |refused: crate::Result<String>| refused.expect_err("it is refused").to_string();
        assert!(said(json(&[None, Some(beyond)])).contains("at /1 is"));
        let map = BTreeMap::from([("a/b", vec![0.0, f64::NAN])]);
        assert!(said(json(&map)).contains("at /a~1b/1 is"));
        assert!(said(json(&Shape::Circle { radius: beyond })).contains("/radius is"));
        assert!(said(json(&Shape::Path(0.0, f64::NEG_INFINITY))).contains("/1 is"));
    }

    #[test]
    fn what_is_null_by_itself_is_written() {
        assert_eq!(
            json(&(None::<f64>, (), 1.5, "null")).expect("JSON"),
            r#"[null,null,1.5,"null"]"#
        );
    }
}
