//! How a section of `moothall.toml` is declared: each setting once, with its type, its default and, of a number,
//! the range that it is refused outside of (`ranges`).

use std::ops::RangeInclusive;

/// What a number may be, both ends included.
pub type Range = RangeInclusive<u64>;

pub const TIB: u64 = 1 << 40;
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Of times that something is waited for.
pub const MS: Range = 1..=DAY_MS;
pub const DAYS: Range = 1..=36_500;
pub const BYTES: Range = 1..=TIB;
pub const COUNT: Range = 1..=10_000_000;
/// Of what takes a thread each.
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
            /// What each of its numbers may be.
            pub(in crate::config) fn ranges() -> Vec<(&'static str, $crate::config::section::Range)> {
                vec![$($((stringify!($setting), $range),)?)*]
            }
        }
    };
}
pub(super) use section;
