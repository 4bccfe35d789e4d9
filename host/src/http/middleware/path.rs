//! Reads the parameters of a route from a request's path, percent-decoded.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::http::problem::Problem;
use crate::http::route::Route;

/// The values of a route's parameters in the path, percent-decoded.
pub struct Path<T>(pub T);

/// One parameter, or several in their order.
pub trait Parameters: Sized {
    fn of(values: &mut impl Iterator<Item = String>) -> Option<Self>;
}

impl Parameters for String {
    fn of(values: &mut impl Iterator<Item = String>) -> Option<Self> {
        values.next()
    }
}

impl Parameters for (String, String) {
    fn of(values: &mut impl Iterator<Item = String>) -> Option<Self> {
        Some((values.next()?, values.next()?))
    }
}

impl Parameters for (String, String, String) {
    fn of(values: &mut impl Iterator<Item = String>) -> Option<Self> {
        Some((values.next()?, values.next()?, values.next()?))
    }
}

impl<T: Parameters, S: Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let found = values(parts)?;
        T::of(&mut found.into_iter().map(|(_, value)| value))
            .map(Self)
            .ok_or_else(|| Problem::internal("a handler reads more of its path than its route has"))
    }
}

/// All of them, by their names.
pub fn values(parts: &Parts) -> Result<Vec<(&'static str, String)>, Problem> {
    let route = parts.extensions.get::<&'static Route>();
    let template = route.map_or("", |route| route.path);
    let decoded = parameters(template, parts.uri.path()).map(|(name, part)| {
        let value = percent_decode_str(part).decode_utf8();
        value.map(|value| (name, value.into_owned())).map_err(|_| {
            let why = format!("`{part}` is not UTF-8 once it is percent-decoded");
            Problem::bad_request(format!("The path is not valid: {why}"))
        })
    });
    decoded.collect()
}

/// The values of a route's parameters in a path, by their names.
pub fn parameters<'p>(
    template: &'static str,
    path: &'p str,
) -> impl Iterator<Item = (&'static str, &'p str)> {
    let parts = template.split('/').zip(path.split('/'));
    parts.filter_map(|(wanted, part)| Some((wanted.strip_prefix('{')?.strip_suffix('}')?, part)))
}
