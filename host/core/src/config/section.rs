//! Declares a section of `moothall.toml`: each setting once, with its type, its default and, for a number, the
//! range outside of which it is refused (`ranges`).

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

/// ```ignore
/// section! {
///     /// `[name]`
///     pub struct NameConfig {
///         /// What it bounds, in its unit; what a 0 means, if it may be one.
///         pub setting: u64 = 5, in 1..=10;
///         pub other: bool = false;
///     }
/// }
/// ```
macro_rules! section {
    ($(#[$of_section:meta])* pub struct $name:ident {
        $($(#[$of_setting:meta])* pub $setting:ident: $type:ty = $default:expr $(, in $range:expr)?;)*
    }) => {
        $(#[$of_section])*
        #[derive(Clone, Debug, ::serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$of_setting])* pub $setting: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($setting: $default,)* }
            }
        }

        impl $name {
            /// The range of each of its numbers.
            pub(in crate::config) fn ranges() -> Vec<(&'static str, $crate::config::section::Range)> {
                vec![$($((stringify!($setting), $range),)?)*]
            }
        }
    };
}
pub(super) use section;
