//! Names that the contract restricts: the plugin's, and the slugs of its actions.

use syn::LitStr;

use crate::mistakes::Mistakes;

/// Notes a mistake unless `name` is `[a-z][a-z0-9-]{0,49}`.
pub fn check(what: &str, name: &LitStr, mistakes: &mut Mistakes) {
    let text = name.value();
    if !is_valid(&text) {
        let message = format!(
            "{what} is 1 to 50 lower-case letters, digits and hyphens and begins with a letter; write it as `{}`",
            suggestion(&text)
        );
        mistakes.add(name, message);
    }
}

fn is_valid(text: &str) -> bool {
    let starts_well = text.starts_with(|first: char| first.is_ascii_lowercase());
    starts_well && text.len() <= 50 && text.bytes().all(is_allowed)
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

/// The nearest valid name, so that the error can show one.
fn suggestion(text: &str) -> String {
    let mut name = String::new();
    for character in text.chars() {
        if character.is_ascii_uppercase() && !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        name.push(if character.is_ascii_alphanumeric() {
            character.to_ascii_lowercase()
        } else {
            '-'
        });
    }
    let name: String =
        name.trim_start_matches(|c: char| !c.is_ascii_lowercase()).chars().take(50).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() { "my-name".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{is_valid, suggestion};

    #[test]
    fn names_are_those_of_the_contract() {
        for good in ["a", "times-two", "v2", &"a".repeat(50)] {
            assert!(is_valid(good), "{good}");
        }
        for bad in ["", "2v", "-a", "Times", "times_two", "größe", &"a".repeat(51)] {
            assert!(!is_valid(bad), "{bad}");
        }
    }

    #[test]
    fn a_suggestion_is_a_valid_name() {
        assert_eq!(suggestion("timesTwo"), "times-two");
        assert_eq!(suggestion("Times_Two!"), "times-two");
        assert_eq!(suggestion("2fast"), "fast");
        for text in ["", "ß", "___", &"A".repeat(80)] {
            assert!(is_valid(&suggestion(text)), "{text}");
        }
    }
}
