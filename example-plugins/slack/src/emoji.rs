//! The emoji on the buttons of a vote, by families.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    #[default]
    Numbers,
    Flowers,
    Hearts,
}

const NUMBERS: [&str; 10] =
    ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "keycap_ten"];
const FLOWERS: [&str; 8] = [
    "tulip",
    "sunflower",
    "cherry_blossom",
    "rose",
    "wilted_flower",
    "bouquet",
    "hibiscus",
    "blossom",
];
const HEARTS: [&str; 7] = [
    "blue_heart",
    "purple_heart",
    "heart",
    "green_heart",
    "sparkling_heart",
    "orange_heart",
    "yellow_heart",
];

impl Family {
    /// The label of the button of this option. Where the family ends, it is the option's number.
    pub fn label(self, at: usize) -> String {
        let all: &[&str] = match self {
            Self::Numbers => &NUMBERS,
            Self::Flowers => &FLOWERS,
            Self::Hearts => &HEARTS,
        };
        all.get(at).map_or_else(|| (at + 1).to_string(), |emoji| format!(":{emoji}:"))
    }
}
