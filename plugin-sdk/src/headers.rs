//! Headers in the form of the contract: a list of names and values in order. Names are compared without regard
//! to case, and nothing is ever dropped or merged.

/// The first value of the header `name`.
pub(crate) fn first<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Adds a header unless one of this name exists.
pub(crate) fn add_if_absent(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    if first(headers, name).is_none() {
        headers.push((name.to_owned(), value.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::{add_if_absent, first};

    #[test]
    fn names_are_compared_without_case_and_the_first_value_wins() {
        let mut headers = vec![("x-one".to_owned(), "1".to_owned())];
        add_if_absent(&mut headers, "X-One", "2");
        add_if_absent(&mut headers, "x-two", "2");
        assert_eq!(first(&headers, "X-ONE"), Some("1"));
        assert_eq!((first(&headers, "x-two"), first(&headers, "x-three")), (Some("2"), None));
    }
}
