//! Routes as platforms document them, with names in braces.

use crate::{Error, Result};

/// The route with a value for each name in braces, percent-encoded but for slashes. `invalid`: a brace is not closed,
/// there is no value, or the value is empty or has a part `.` or `..`, with which it would lead to another route.
///
/// ```
/// use moothall_sdk::http;
///
/// let value = |name: &str| (name == "repo").then(|| "tea & co".to_owned());
/// assert_eq!(http::route("/repos/{repo}/issues", value).expect("a route"), "/repos/tea%20%26%20co/issues");
/// ```
pub fn route(template: &str, mut value: impl FnMut(&str) -> Option<String>) -> Result<String> {
    let (mut route, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| {
            Error::invalid(format!("the route '{template}' has a '{{' without a '}}'"))
        })?;
        let value = value(name).ok_or_else(|| {
            Error::invalid(format!("the route '{template}' needs '{name}', a string or a number"))
        })?;
        if value.is_empty() || value.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(Error::invalid(format!(
                "'{value}' is no '{name}' of the route '{template}'"
            )));
        }
        route.push_str(before);
        route.push_str(&encoded(&value));
        rest = after;
    }
    Ok(route + rest)
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::route;

    #[test]
    fn each_name_gets_its_value() {
        let value = |name: &str| (name != "none").then(|| format!("{name}/ä?"));
        assert_eq!(
            route("/a/{b}/{c}.json", value).expect("a route"),
            "/a/b/%C3%A4%3F/c/%C3%A4%3F.json"
        );
        assert_eq!(route("/a", value).expect("a route"), "/a");
        assert!(route("/{none}", value).expect_err("no value").message().contains("needs 'none'"));
        assert!(route("/{a", value).is_err());
        for elsewhere in ["", "..", ".", "../../user", "a/../b", "a/."] {
            let refused = route("/labels/{name}", |_| Some(elsewhere.to_owned()));
            assert!(
                refused.expect_err("another route").message().contains("'name'"),
                "{elsewhere}"
            );
        }
    }
}
