//! The options of `#[action(…)]`.

use syn::{Attribute, LitStr, Meta};

use super::{flag, read, text, tokens_of, unknown};
use crate::mistakes::Mistakes;
use crate::name;

/// What an author says of one action.
#[derive(Default)]
pub struct ActionOptions {
    pub slug: Option<LitStr>,
    pub description: Option<LitStr>,
    pub public: bool,
    pub read_only: bool,
}

impl ActionOptions {
    pub fn parse(attribute: &Attribute, mistakes: &mut Mistakes) -> Self {
        let mut options = Self::default();
        for option in read(tokens_of(attribute), mistakes) {
            options.accept(&option, mistakes);
        }
        match &options.slug {
            Some(slug) => name::check("a slug", slug, mistakes),
            None => {
                mistakes.add(attribute, "an action needs a slug: `#[action(slug = \"my-action\")]`")
            }
        }
        options
    }

    fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) {
        let path = option.path();
        if path.is_ident("slug") {
            self.slug = text(option, mistakes);
        } else if path.is_ident("description") {
            self.description = text(option, mistakes);
        } else if path.is_ident("public") {
            self.public = flag(option, mistakes);
        } else if path.is_ident("read_only") {
            self.read_only = flag(option, mistakes);
        } else {
            unknown(option, "`slug`, `description`, `public` and `read_only`", mistakes);
        }
    }
}
