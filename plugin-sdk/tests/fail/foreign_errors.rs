//! `?` makes no failure of another crate's error: the author says which kind it is.

use moothall_sdk::{Error, Result, plugin};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Read {
    file: String,
}

struct Tutorial;

#[plugin(name = "tutorial")]
impl Tutorial {
    #[action(slug = "read")]
    fn read(&self, Read { file }: Read) -> Result<u64> {
        let text = std::fs::read_to_string(file)?;
        Ok(text.parse()?)
    }

    #[action(slug = "right")]
    fn right(&self, Read { file }: Read) -> Result<u64> {
        let text = std::fs::read_to_string(file).map_err(Error::internal)?;
        let written: String = moothall_sdk::serde_json::from_str(&text)?;
        own(&written)?;
        written.parse().map_err(Error::invalid)
    }
}

struct Empty;

impl From<Empty> for Error {
    fn from(_: Empty) -> Self {
        Error::conflict("it is empty")
    }
}

fn own(text: &str) -> std::result::Result<(), Empty> {
    if text.is_empty() { Err(Empty) } else { Ok(()) }
}

fn main() {}
