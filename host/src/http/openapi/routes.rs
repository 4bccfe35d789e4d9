//! Every route of the host in a table: what OpenAPI says of it. A test compares the table with the
//! router's source.

/// One method of one route.
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub tag: &'static str,
    pub summary: &'static str,
    /// Query parameters.
    pub query: &'static [&'static str],
    /// The schema of the body: a name in `components`, or `*` for any JSON, or none.
    pub body: Option<&'static str>,
    /// The success: its status, and the schema of its body.
    pub answer: (u16, Option<&'static str>),
}

const fn route(
    method: &'static str,
    path: &'static str,
    tag: &'static str,
    summary: &'static str,
) -> Route {
    Route { method, path, tag, summary, query: &[], body: None, answer: (200, Some("*")) }
}

impl Route {
    const fn body(self, body: &'static str) -> Self {
        Self { body: Some(body), ..self }
    }

    const fn answer(self, status: u16, schema: Option<&'static str>) -> Self {
        Self { answer: (status, schema), ..self }
    }

    const fn query(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }
}

/// `METHOD:/path` of the route that a request was for; of an unknown path nothing is kept.
pub fn route_of(method: &str, path: &str) -> String {
    let is_it = |route: &&Route| {
        let (mut wanted, mut parts) = (route.path.split('/'), path.split('/'));
        loop {
            match (wanted.next(), parts.next()) {
                (None, None) => return true,
                (Some(wanted), Some(_)) if wanted.starts_with("{*") => return true,
                (Some(wanted), Some(part)) if wanted == part || wanted.starts_with('{') => {}
                _ => return false,
            }
        }
    };
    let found = ROUTES.iter().find(is_it).map_or("/", |route| route.path);
    format!("{method}:{found}")
}

const PAGE: &[&str] = &["after", "limit"];

pub const ROUTES: &[Route] = &[
    route("get", "/api/internal/community", "communities", "Lists communities").query(PAGE),
    route("post", "/api/internal/community", "communities", "Creates a community")
        .body("CommunityChange")
        .answer(201, Some("Community")),
    route("get", "/api/internal/community/{slug}", "communities", "A community")
        .answer(200, Some("Community")),
    route("put", "/api/internal/community/{slug}", "communities", "Creates or changes a community")
        .body("CommunityChange")
        .answer(200, Some("Community")),
    route("delete", "/api/internal/community/{slug}", "communities", "Deletes a community")
        .answer(204, None),
    route("get", "/api/internal/community/{slug}/hooks", "communities", "URLs for webhooks"),
    route("get", "/api/internal/community/{slug}/actions", "communities", "Actions of its plugins"),
    route(
        "get",
        "/api/internal/community/{slug}/processes",
        "communities",
        "Types of processes of its plugins",
    ),
    route(
        "get",
        "/api/internal/community/{slug}/events",
        "communities",
        "Types of events of its plugins",
    ),
    route("get", "/api/internal/plugins", "plugins", "Every plugin file, and what became of it"),
    route("get", "/api/internal/plugin-schemas", "plugins", "The config schema of each plugin"),
    route(
        "post",
        "/api/internal/plugin/{name}",
        "plugins",
        "Enables a plugin for a community; the body is its config",
    )
    .body("*")
    .answer(201, Some("Instance")),
    route("get", "/api/internal/plugin/{name}/metadata", "plugins", "What a plugin has"),
    route(
        "delete",
        "/api/internal/plugin/{name}/{id}",
        "plugins",
        "Disables an instance of a plugin",
    )
    .answer(204, None),
    route(
        "post",
        "/api/internal/action/{target}",
        "actions",
        "Performs an action, `<plugin>.<action>`",
    )
    .query(&["community_platform_id", "dry_run", "allow_http"])
    .body("ActionCall"),
    route(
        "post",
        "/api/action/{target}",
        "actions",
        "Performs a public action, `<plugin>.<action>`",
    )
    .query(&["community_platform_id"])
    .body("ActionCall"),
    route("get", "/api/internal/process", "processes", "Lists processes").query(&[
        "community",
        "status",
        "plugin",
        "after",
        "limit",
    ]),
    route(
        "post",
        "/api/internal/process/{target}",
        "processes",
        "Starts a process, `<plugin>.<process>`",
    )
    .query(&["community_platform_id"])
    .body("*")
    .answer(202, Some("Process")),
    route("get", "/api/internal/process/{target}/{id}", "processes", "A process")
        .answer(200, Some("Process")),
    route("delete", "/api/internal/process/{target}/{id}", "processes", "Closes a process")
        .answer(200, Some("Process")),
    route("post", "/api/hooks/{plugin}", "webhooks", "A webhook of a whole platform; any method")
        .body("*"),
    route(
        "post",
        "/api/hooks/{community}/{plugin}",
        "webhooks",
        "A webhook of an instance; any method",
    )
    .query(&["community_platform_id"])
    .body("*"),
    route(
        "post",
        "/api/hooks/{community}/{plugin}/{webhook_slug}",
        "webhooks",
        "A webhook of an instance whose config has a `webhook_slug`; any method",
    )
    .query(&["community_platform_id"])
    .body("*"),
    route("get", "/auth/{plugin}/authorize", "oauth", "Sends the browser to the platform")
        .query(&["redirect_uri", "community", "type", "state", "metagov_id", "ticket"])
        .answer(303, None),
    route("get", "/auth/{plugin}/callback", "oauth", "The browser is back from the platform")
        .query(&["state", "code", "error", "error_description", "iss"])
        .answer(303, None),
    route("post", "/api/internal/oauth/{plugin}/start", "oauth", "An authorize URL for one use")
        .body("*"),
    route("post", "/api/internal/identity/create_id", "identity", "Makes people")
        .body("*")
        .answer(201, Some("*")),
    route("post", "/api/internal/identity/merge_ids", "identity", "Makes two people one").body("*"),
    route(
        "post",
        "/api/internal/identity/link_account",
        "identity",
        "Links an account to a person",
    )
    .body("*"),
    route("post", "/api/internal/identity/unlink_account", "identity", "Removes a linked account")
        .body("*"),
    route(
        "get",
        "/api/internal/identity/get_user",
        "identity",
        "A person with all linked accounts",
    )
    .query(&["external_id"]),
    route("get", "/api/internal/identity/get_users", "identity", "People by their accounts").query(
        &[
            "community",
            "platform_type",
            "community_platform_id",
            "link_type",
            "link_quality",
            "platform_identifier",
            "after",
            "limit",
        ],
    ),
    route(
        "get",
        "/api/internal/identity/filter_users_by_account",
        "identity",
        "Which of some people have such an account",
    )
    .query(&[
        "external_id_list",
        "community",
        "platform_type",
        "community_platform_id",
        "link_type",
        "link_quality",
        "platform_identifier",
    ]),
    route(
        "get",
        "/api/internal/identity/get_linked_account",
        "identity",
        "A person's account on a platform",
    )
    .query(&["external_id", "platform_type", "community_platform_id"]),
    route(
        "get",
        "/api/internal/events",
        "events",
        "Lists events; as `text/event-stream` it streams them",
    )
    .query(&["community", "type", "after", "limit"]),
    route("post", "/api/internal/events", "events", "Publishes an event")
        .body("NewEvent")
        .answer(202, Some("*")),
    route("get", "/api/internal/event-types", "events", "Declared types of events"),
    route("get", "/api/internal/endpoints", "events", "Lists endpoints").query(PAGE),
    route(
        "post",
        "/api/internal/endpoints",
        "events",
        "Adds an endpoint; its secret is in the answer alone",
    )
    .body("Endpoint")
    .answer(201, Some("Endpoint")),
    route("get", "/api/internal/endpoints/{id}", "events", "An endpoint")
        .answer(200, Some("Endpoint")),
    route("put", "/api/internal/endpoints/{id}", "events", "Changes an endpoint")
        .body("Endpoint")
        .answer(200, Some("Endpoint")),
    route("delete", "/api/internal/endpoints/{id}", "events", "Deletes an endpoint")
        .answer(204, None),
    route(
        "post",
        "/api/internal/endpoints/{id}/rotate-secret",
        "events",
        "Another secret; the old one signs as well for 24 hours",
    ),
    route(
        "post",
        "/api/internal/endpoints/{id}/recover",
        "events",
        "Sends deliveries since a time again",
    )
    .body("*"),
    route(
        "post",
        "/api/internal/endpoints/{id}/ping",
        "events",
        "Sends an event to this endpoint alone",
    )
    .answer(202, Some("*")),
    route("get", "/api/internal/deliveries", "events", "Lists deliveries").query(&[
        "endpoint",
        "state",
        "community",
        "after",
        "limit",
    ]),
    route("get", "/api/internal/deliveries/{id}", "events", "A delivery with its attempts"),
    route("post", "/api/internal/deliveries/{id}/resend", "events", "Sends a delivery again")
        .answer(202, Some("*")),
    route("get", "/api/internal/workers", "operating", "Workers: lag, failures, dead letters")
        .query(&["community", "plugin", "after", "limit"]),
    route(
        "post",
        "/api/internal/workers/{worker}/{action}",
        "operating",
        "Retries or skips dead letters",
    )
    .body("*"),
    route(
        "post",
        "/api/internal/workers/{plugin}/{worker}/{action}",
        "operating",
        "Retries or skips dead letters of a plugin's worker",
    )
    .body("*"),
    route("post", "/api/internal/changes", "events", "Publishes a change of the driver's own")
        .body("*")
        .answer(202, Some("*")),
    route("get", "/api/internal/hooks", "hooks", "Hooks with their steps"),
    route("get", "/api/internal/hooks/{name}", "hooks", "A hook"),
    route("put", "/api/internal/hooks/{name}", "hooks", "Declares a hook, or changes it").body("*"),
    route("delete", "/api/internal/hooks/{name}", "hooks", "Deletes a hook and its steps")
        .answer(204, None),
    route("post", "/api/internal/hooks/{name}/run", "hooks", "Runs a hook").body("*"),
    route("get", "/api/internal/hooks/{name}/steps", "hooks", "Steps in the order of a run"),
    route("post", "/api/internal/hooks/{name}/steps", "hooks", "Adds a step; its secret once")
        .body("*")
        .answer(201, Some("*")),
    route("get", "/api/internal/hooks/{name}/steps/{id}", "hooks", "A step"),
    route("put", "/api/internal/hooks/{name}/steps/{id}", "hooks", "Changes a step").body("*"),
    route("delete", "/api/internal/hooks/{name}/steps/{id}", "hooks", "Deletes a step")
        .answer(204, None),
    route("get", "/api/plugins/{*path}", "plugins", "Routes of plugins' own; any method"),
    route("get", "/api/internal/schedules", "operating", "What is due when, and what failed last")
        .query(&["community", "plugin", "after", "limit"]),
    route(
        "get",
        "/api/internal/calls",
        "operating",
        "Calls that failed by fault of plugin or host",
    )
    .query(PAGE),
    route("get", "/api/internal/calls/{id}", "operating", "A failed call"),
    route("get", "/healthz", "operating", "Whether the host is alive"),
    route("get", "/readyz", "operating", "Whether the host can serve calls"),
    route("get", "/metrics", "operating", "Metrics for Prometheus").answer(200, None),
    route("get", "/openapi.json", "operating", "This document"),
    route("get", "/", "operating", "Redirects to the viewer").answer(303, None),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ROUTES;

    /// Paths of `.route("…")` in the sources of `http`.
    fn routed() -> BTreeSet<String> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = vec![root.join("http.rs")];
        let folder = std::fs::read_dir(root.join("http")).expect("the folder of this module");
        files.extend(folder.filter_map(|entry| Some(entry.ok()?.path())));
        let texts = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
        texts.flat_map(|text| paths(&text)).collect()
    }

    fn paths(text: &str) -> Vec<String> {
        let after = text.split(".route(").skip(1);
        after
            .filter_map(|rest| {
                Some(rest.trim_start().strip_prefix('"')?.split('"').next()?.to_owned())
            })
            .collect()
    }

    #[test]
    fn the_table_has_the_routers_routes_and_no_others() {
        let told: BTreeSet<_> = ROUTES.iter().map(|route| route.path.to_owned()).collect();
        assert_eq!(told, routed());
    }
}
