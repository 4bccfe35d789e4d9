//! The options of `#[process(…)]`.

use proc_macro2::{Span, TokenStream};
use syn::{LitStr, Meta, Type};

use super::schedule::ScheduleOptions;
use super::{a_type, name_of, read, text, unknown};
use crate::mistakes::Mistakes;
use crate::name;

const KNOWN: &str = "`name`, `description`, `state`, `outcome`, `every`, `cron`, `time_zone` and \
                     `jitter`";

/// The options of `#[process(…)]`, as the author wrote them.
#[derive(Default)]
pub struct ProcessOptions {
    pub name: Option<LitStr>,
    pub description: Option<LitStr>,
    pub state: Option<Type>,
    pub outcome: Option<Type>,
    pub schedule: ScheduleOptions,
}

impl ProcessOptions {
    /// Reads the options; the second value says whether all of them are right.
    pub fn read(tokens: TokenStream, mistakes: &mut Mistakes) -> (Self, bool) {
        let mut own = Mistakes::default();
        let options = Self::parse(tokens, &mut own);
        let are_right = own.is_empty();
        mistakes.append(own);
        (options, are_right)
    }

    fn parse(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut options = Self::default();
        for option in read(tokens, mistakes) {
            options.accept(&option, mistakes);
        }
        match &options.name {
            Some(name) => name::check("a process's name", name, mistakes),
            None => mistakes.add_at(
                Span::call_site(),
                "a process needs a name: `#[process(name = \"my-process\")]`",
            ),
        }
        options.schedule.check(mistakes);
        options
    }

    fn accept(&mut self, option: &Meta, mistakes: &mut Mistakes) {
        let path = option.path();
        if path.is_ident("name") {
            self.name = text(option, mistakes);
        } else if path.is_ident("description") {
            self.description = text(option, mistakes);
        } else if path.is_ident("config") || path.is_ident("settings") {
            let name = name_of(option);
            mistakes.add(path, format!("a process has the `{name}` of its plugin; remove this"));
        } else if path.is_ident("state") {
            self.state = a_type(option, mistakes);
        } else if path.is_ident("outcome") {
            self.outcome = a_type(option, mistakes);
        } else if !self.schedule.accept(option, mistakes) {
            unknown(option, KNOWN, mistakes);
        }
    }
}
