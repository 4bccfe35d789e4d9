//! The table of all routes: finds the route of a request.

use std::sync::LazyLock;

use axum::http::Method;

use crate::http::route::{Access, Route};
use crate::http::routes::{NOUNS, operating};

/// What a listener for drivers, platforms and browsers has.
pub static ALL: LazyLock<Table> = LazyLock::new(|| {
    let tagged = |(tag, routes): &(&'static str, fn() -> Vec<Route>)| {
        routes().into_iter().map(|route| route.tagged(tag))
    };
    Table::new(NOUNS.iter().flat_map(tagged))
});

/// What a listener for operators has.
pub static OPERATIONS: LazyLock<Table> = LazyLock::new(|| Table::new(operating::routes()));

#[derive(Default)]
pub struct Table {
    places: Vec<PathRoutes>,
    /// Of paths, to where in `places` they are.
    tree: matchit::Router<usize>,
    /// Beginnings of paths under which everything is public.
    public: Vec<&'static str>,
}

/// The routes of one path.
pub struct PathRoutes {
    pub path: &'static str,
    routes: Vec<Route>,
}

/// What a request is for.
#[derive(Clone, Copy)]
pub struct Found {
    pub route: Option<&'static Route>,
    /// What is there, if only of other methods.
    pub place: Option<&'static PathRoutes>,
    pub access: Access,
}

impl Table {
    fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        let mut table = Self::default();
        routes.into_iter().for_each(|route| table.add(route));
        table
    }

    fn add(&mut self, route: Route) {
        let (path, number) = (route.path, self.places.len());
        if let Some((before, _)) = path.split_once('{').filter(|_| !route.access.is_protected()) {
            self.public.push(before);
        }
        match self.places.iter_mut().find(|place| place.path == path) {
            Some(place) => place.routes.push(route),
            None => {
                self.places.push(PathRoutes { path, routes: vec![route] });
                self.tree.insert(path, number).expect("no other route has a path like this one");
            }
        }
    }

    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.places.iter().flat_map(|place| &place.routes)
    }

    pub fn find(&'static self, method: &Method, path: &str) -> Found {
        let place = self.tree.at(path).ok().map(|found| &self.places[*found.value]);
        let route = place.and_then(|place| place.routes.iter().find(|route| route.has(method)));
        let access = match (route, place) {
            (Some(route), _) => route.access,
            (None, Some(place)) => place.access(),
            (None, None) => self.access_to_nothing(path),
        };
        Found { route, place, access }
    }

    /// Below what is public nobody needs a key to hear that there is nothing.
    fn access_to_nothing(&self, path: &str) -> Access {
        let is_public = self.public.iter().any(|before| path.starts_with(before));
        if is_public { Access::Public } else { Access::AnyKey }
    }

    /// The path of a route that is there if this one is not.
    pub fn path_meant(&self, path: &str) -> Option<String> {
        let is_known = |path: &str| {
            let found = self.tree.at(path).ok();
            found.is_some_and(|found| !self.places[*found.value].path.contains("{*"))
        };
        if let Some(without) = path.strip_suffix('/').filter(|path| is_known(path)) {
            return Some(without.to_owned());
        }
        // `<plugin>/<action>` for `<plugin>.<action>`
        let (before, last) = path.rsplit_once('/')?;
        if before.rsplit('/').next().is_some_and(|plugin| plugin.contains('.')) {
            return None;
        }
        let joined = format!("{before}.{last}");
        let prefixes = ["/api/internal/action/", "/api/action/", "/api/internal/process/"];
        (prefixes.iter().any(|prefix| before.starts_with(prefix)) && is_known(&joined))
            .then_some(joined)
    }
}

impl PathRoutes {
    /// Of a method that it does not have: to hear so, a key is needed where one of the others needs one.
    fn access(&self) -> Access {
        let is_protected = self.routes.iter().any(|route| route.access.is_protected());
        if is_protected { Access::AnyKey } else { Access::Public }
    }

    /// As the header `Allow` lists them.
    pub fn methods(&self) -> String {
        let methods = self.routes.iter().map(|route| match &route.method {
            &Method::GET => "GET,HEAD",
            method => method.as_str(),
        });
        methods.collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::route::{ChangeEvent, RouteBody};

    #[test]
    fn no_two_routes_have_one_operation_id() {
        let mut ids = BTreeSet::new();
        for route in ALL.routes() {
            assert!(ids.insert(route.id), "{} is of two routes", route.id);
            let is_word = route.id.bytes().all(|letter| letter.is_ascii_alphanumeric());
            assert!(
                is_word && route.id.starts_with(|c: char| c.is_ascii_lowercase()),
                "{}",
                route.id
            );
        }
    }

    #[test]
    fn each_route_that_does_something_for_a_driver_says_what_it_changes() {
        for route in ALL.routes().filter(|route| route.access.is_protected()) {
            let reads = route.method == Method::GET;
            assert_eq!(
                reads,
                route.change_event == ChangeEvent::NotApplicable,
                "{} {}",
                route.method,
                route.path
            );
            let ChangeEvent::Of(resource, part) = route.change_event else { continue };
            for id in [resource.1, part.and_then(|part| part.1)].into_iter().flatten() {
                assert!(route.path.contains(&format!("{{{id}}}")), "{} has no {id}", route.path);
            }
        }
    }

    #[test]
    fn who_may_enter_is_as_the_route_says_and_a_key_wherever_none_says_otherwise() {
        let access = |method, path| ALL.find(&method, path).access;
        for path in ["/api/action/a.b", "/api/hooks/x/y", "/healthz", "/readyz"] {
            assert_eq!(access(Method::POST, path), Access::Public, "{path}");
        }
        assert_eq!(access(Method::PUT, "/api/plugins/a/b/c"), Access::OfPlugin);
        assert_eq!(access(Method::GET, "/auth/slack/callback"), Access::Public);
        for path in ["/auth/slack/nothing", "/api/hooks/a/b/c/d", "/api/action/"] {
            assert_eq!(access(Method::GET, path), Access::Public, "{path}");
        }
        for path in ["/api/internal/action/a.b", "/metrics", "/", "/api/actions", "/docs", "/auth"]
        {
            assert!(access(Method::GET, path).is_protected(), "{path}");
            assert_eq!(access(Method::PATCH, path), Access::AnyKey, "{path}");
        }
    }

    #[test]
    fn a_place_lists_its_methods() {
        let at = |path| ALL.find(&Method::PATCH, path).place.map(PathRoutes::methods);
        assert_eq!(at("/api/internal/community").as_deref(), Some("GET,HEAD,POST"));
        assert_eq!(at("/api/internal/nothing"), None);
    }

    #[test]
    fn every_body_is_an_object_with_members_of_its_own() {
        for body in ALL.routes().filter_map(|route| route.body) {
            let RouteBody::Of(schema) = body else { continue };
            let (name, document) = (&schema().name, schema().document());
            assert_eq!(document["type"], "object", "{name}: {document}");
            assert_eq!(document["additionalProperties"], false, "{name}: {document}");
        }
    }
}
