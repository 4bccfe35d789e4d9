//! Declares a section of `moothall.toml`: each setting once, with its comment, its type, its default and, for a number,
//! the range outside of which it is refused (`ranges`). The reference of settings (`reference`) is made of it.

use std::ops::RangeInclusive;

/// A range, including both ends.
pub type Range = RangeInclusive<u64>;

pub const TIB: u64 = 1 << 40;
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// The range of waiting times.
pub const MS: Range = 1..=DAY_MS;
pub const DAYS: Range = 1..=36_500;
pub const BYTES: Range = 1..=TIB;
pub const COUNT: Range = 1..=10_000_000;
/// The range of things that occupy a thread each.
pub const THREADS: Range = 1..=10_000;

/// A setting, or a section of settings, as it is declared.
#[derive(Clone, Debug)]
pub struct Setting {
    pub name: &'static str,
    /// The comment above it.
    pub help: &'static str,
    pub kind: &'static str,
    /// As it is written in `moothall.toml`.
    pub default: String,
    pub range: Option<Range>,
    /// The settings of a section; of a table of sections, those of each.
    pub within: Vec<Setting>,
}

/// ```ignore
/// section! {
///     /// `[name]`
///     pub struct NameConfig {
///         /// What it bounds, in its unit; what a 0 means, if it may be one.
///         pub setting: u64 = 5, in 1..=10;
///         pub other: bool = false;
///     }
///     besides {
///         /// What `load` finds, and nobody sets.
///         pub found: Vec<String> = Vec::new();
///     }
/// }
/// ```
macro_rules! section {
    (
        $(#[$of_section:meta])* pub struct $name:ident {
            $($(#[doc = $help:literal])* $(#[serde($($serde:tt)*)])?
            pub $setting:ident: $type:ty = $default:expr $(, in $range:expr)?;)*
        }
        $(besides {
            $($(#[doc = $note:literal])* pub $found:ident: $found_type:ty = $empty:expr;)*
        })?
    ) => {
        $(#[$of_section])*
        #[derive(Clone, Debug, ::serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[doc = $help])* $(#[serde($($serde)*)])? pub $setting: $type,)*
            $($($(#[doc = $note])* #[serde(skip)] pub $found: $found_type,)*)?
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($setting: $default,)* $($($found: $empty,)*)? }
            }
        }

        impl $crate::config::setting_type::SettingType for $name {
            const KIND: &'static str = "a section";

            /// A section has no value of its own.
            fn written(&self) -> String {
                String::new()
            }

            fn each(&self, path: &str, found: &mut Vec<(String, String)>) {
                use $crate::config::setting_type::{SettingType as Type, below};
                $(Type::each(&self.$setting, &below(path, stringify!($setting)), found);)*
            }

            fn within() -> Vec<$crate::config::section::Setting> {
                use $crate::config::setting_type::SettingType;
                let default = Self::default();
                vec![$($crate::config::section::Setting {
                    name: stringify!($setting),
                    help: concat!("", $($help),*),
                    kind: <$type as SettingType>::KIND,
                    default: SettingType::written(&default.$setting),
                    range: $crate::config::section::only(&[$($range)?]),
                    within: <$type as SettingType>::within(),
                },)*]
            }
        }
    };
}
pub(super) use section;

/// The range of a setting that has one.
pub fn only(ranges: &[Range]) -> Option<Range> {
    ranges.first().cloned()
}
