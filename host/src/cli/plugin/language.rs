//! The languages in which a plugin can be written, and what the binary has for each.

use clap::ValueEnum;

use crate::cli::plugin::kit;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Language {
    #[default]
    Rust,
    Python,
    /// TypeScript and JavaScript.
    #[value(alias = "javascript", alias = "ts", alias = "typescript")]
    Js,
}

impl Language {
    /// The file by which a project's language is known.
    pub fn manifest(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::Python => "pyproject.toml",
            Self::Js => "package.json",
        }
    }

    /// The folder of its templates.
    pub fn templates(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Js => "js",
        }
    }

    /// The files of its SDK, in the order of their paths.
    pub fn sdk(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Rust => kit::SDK_RUST,
            Self::Python => kit::SDK_PYTHON,
            Self::Js => kit::SDK_JS,
        }
    }

    /// How a project takes another version of the SDK from a registry.
    pub fn update_from_registry(self) -> &'static str {
        match self {
            Self::Rust => "run `cargo update -p moothall-sdk`",
            Self::Python => "change the version of moothall in requirements.txt",
            Self::Js => "run `npm install moothall@latest`",
        }
    }
}
