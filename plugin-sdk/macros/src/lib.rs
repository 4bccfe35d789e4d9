//! The attributes of `moothall-sdk`. They are a thin shell: ordinary functions read, check and write tokens, and
//! the written code calls ordinary functions of the SDK.

mod component;
mod event;
mod glue;
mod interface;
mod method;
mod mistakes;
mod name;
mod options;
mod plugin;
mod process;
mod signature;
mod silence;
mod spelling;

use proc_macro::TokenStream;

/// Makes a plugin of an `impl` block on a unit struct.
///
/// ```text
/// struct Tutorial;
///
/// #[plugin(
///     name = "tutorial",                      // required: [a-z][a-z0-9-]{0,49}
///     config = Config,                        // Deserialize + JsonSchema
///     settings = Settings,                    // Deserialize + JsonSchema
///     version = "1.2.0",                      // else the crate's version
///     title = "The Tutorial",                 // its name as people read it
///     homepage = "https://moot.example",      // where they read more of it
///     description = "What it is for.",
///     auth_type = "api_key",                  // none, api_key or oauth
///     community_platform_id_key = "team_id",  // a key of the config
///     on_config_change = "keep",              // or "recreate", the default: see below
///     processes(MyVote),                      // types with `#[process]`
///     events(PostCreated),                    // types with `#[derive(Event)]`
///     route_keys("/team_id"),                 // places in the config for `Routed::to_route_key`
///     oauth(
///         types("app", "user"),               // the default is both
///         no_pkce,                            // for a platform that does not support PKCE
///         issuer = "https://id.example",      // or "settings:/oauth_issuer"
///     ),
///     requests(                               // what it asks the operator to grant
///         reveal("/api_key"),
///         http("api.example.com", "b.example:8443", "config:/server_url"), // the default port unless one is given
///         tcp("redis.internal:6379"),         // for client crates that use std::net
///         accounts("discord"),                // people's accounts on other platforms
///     ),
///     scope = "host",                         // one instance for the whole host, granted in moothall.toml
///     resident,                               // keeps its memory between calls
///     hooks(                                  // its own hooks, which platforms can run
///         Hook::new("org.example.registration.requested.v1").mutable("/form"),
///     ),
/// )]
/// impl Tutorial { … }
/// ```
///
/// The host calls methods with these names, all optional:
///
/// - `fn initialize(&self) -> Result<()>`, once, when a community enables the plugin;
/// - `fn config_changed(&self, previous: Config) -> Result<()>`, when the configuration of an instance has changed
///   and the instance is kept: see below;
/// - `fn upgraded(&self, from_version: String) -> Result<()>`, before the first call on a new version;
/// - `fn close(&self) -> Result<()>`, at the host's shutdown, for plugins with `scope = "host"` only.
///
/// Methods with [`action`](macro@action) are actions; [`webhook`](macro@webhook),
/// [`global_webhook`](macro@global_webhook), [`handshake`](macro@handshake), [`producer`](macro@producer),
/// [`authorize_url`](macro@authorize_url), [`oauth_callback`](macro@oauth_callback) and
/// [`monitoring`](macro@monitoring) each go on one method at most; [`filter`](macro@filter),
/// [`worker`](macro@worker), [`schedule`](macro@schedule) and [`route`](macro@route) may go on several. The host
/// calls no other methods.
///
/// # What the operator grants
///
/// A plugin needs no grant for what belongs to it: its state, its own events and hooks, people's accounts on the
/// platform that has its name. The operator grants everything else, in `grants` of `[plugins.<name>]` in
/// `moothall.toml`; a denial says which line to add. For some grants the manifest also has to ask, so that an operator
/// can see what a plugin wants; the others follow from its methods.
///
/// | what | the plugin writes | the operator grants |
/// | --- | --- | --- |
/// | requests to a host | `requests(http("api.example.com"))` | `http = ["api.example.com"]` |
/// | TCP connections | `requests(tcp("redis.internal:6379"))` | `tcp = ["redis.internal:6379"]` |
/// | the value of a secret | `requests(reveal("/api_key"))` | `reveal = ["/api_key"]` |
/// | one instance for the whole host | `scope = "host"` | `scope = "host"`, beside `grants` |
/// | a step of another's hook | `#[filter(hook = "…")]`, and no `requests` | `hooks = ["action.requested"]` |
/// | another's events | `#[worker(events("forum:*"))]`, and no `requests` | `events = ["forum:*"]` |
/// | accounts on other platforms | `requests(accounts("discord"))`, or nothing | `accounts = ["discord"]` |
/// | private addresses under a granted host | nothing | `cidr = ["10.0.0.0/8"]` |
///
/// A grant of `http`, `tcp` or `reveal` that the manifest does not ask for has no effect; the plugin's listing warns of
/// it. The listing shows what is requested and not granted as `missing`; the plugin serves without it.
///
/// # What a changed configuration does
///
/// **By default (`on_config_change = "recreate"`) a changed configuration destroys the instance: the host deletes its
/// whole state and ends every pending process, a running vote too** (`errors: {"code": "instance_replaced"}`). It makes
/// a new instance with a new id and calls `initialize`. With `on_config_change = "keep"` state and processes stay, and
/// the host calls `config_changed`. Choose `"keep"` for a plugin with votes, or with anything else that people would
/// miss.
///
/// The host compares configurations by meaning: another order of keys, `5.0` for `5`, a default written out, or `null`
/// for an absent key is no change. A change of secrets alone never recreates the instance: the host keeps it, and calls
/// `config_changed` if the plugin has it (with `"recreate"`, a plugin that has it must say `on_config_change`). The host
/// refuses, with 400, a key that the type of `config` does not have, also a `#[serde(alias)]`, which is in no schema. A
/// type accepts any key if it is a map or has `#[serde(flatten)]`.
///
/// A `resident` plugin has one guest that keeps its memory: what its schedules, routes and monitoring put into a
/// `thread_local!` is still there at the next call. The host makes these calls one at a time. A fault or timeout discards
/// the guest with its memory, and memory is never rolled back: write what has to last to the state.
#[proc_macro_attribute]
pub fn plugin(attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::expand(attributes.into(), item.into()).into()
}

/// Makes an action of a method in an `impl` block that has [`plugin`](macro@plugin).
///
/// ```text
/// #[action(
///     slug = "times-two",                     // required: [a-z][a-z0-9-]{0,49}
///     description = "Doubles a number.",
///     public,                                 // drivers need no API key
///     read_only,                              // writes no state
/// )]
/// fn times_two(&self, parameters: TimesTwo) -> Result<Doubled> { … }
/// ```
///
/// The parameters are any `Deserialize + JsonSchema` type and may be left out; the result is any
/// `Serialize + JsonSchema` type, or `()` for none. Neither may contain a `Secret`, which is a place in the configuration
/// or the settings. The host ignores parameters that the type does not have, because drivers may send more than one
/// version of a plugin knows; a type with `#[serde(deny_unknown_fields)]` refuses them.
#[proc_macro_attribute]
pub fn action(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("action", item.into()).into()
}

/// Receives the webhooks of an instance, in an `impl` block with [`plugin`](macro@plugin).
///
/// ```text
/// #[webhook(
///     events(PostCreated),                    // types of events that it emits
///     verify(                                 // the host checks the signature first
///         scheme = "hmac-sha256",             // slack-v0, zoom-v0, stripe, standard-webhooks, ed25519
///         secret = "/webhook_secret",         // a JSON Pointer into the config, or settings:<name>
///         header = "X-Hub-Signature-256",     // the first scheme only, as the next two
///         prefix = "sha256=",
///         encoding = "hex",                   // or base64
///         tolerance_s = 300,                  // schemes with a timestamp
///     ),
///     handshakes(                             // unsigned requests, which the host answers
///         get(query = "hub.challenge", secret = "/verify_token", secret_query = "hub.verify_token"),
///         post(
///             body = "/payload/plainToken",   // or `query`, `header`; without, the HTTP method alone
///             answer = "hmac",                // or echo; or export, for the method with `#[handshake]`
///             json("plainToken={token}", "encryptedToken={hmac}"),
///         ),
///         head,
///     ),
/// )]
/// fn receive(&self, request: WebhookRequest) -> Result<WebhookResponse> { … }
/// ```
///
/// The method may also return `Result<Option<WebhookResponse>>` or `Result<()>`. Without a response from it, the
/// platform gets the first response of a pending process, or a 200.
#[proc_macro_attribute]
pub fn webhook(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("webhook", item.into()).into()
}

/// Receives the webhooks of a whole platform and says which instances they are for:
/// `fn route(&self, request: WebhookRequest) -> Result<Routed>`. The options `verify` and `handshakes`
/// are those of [`webhook`](macro@webhook), with secrets of the settings.
#[proc_macro_attribute]
pub fn global_webhook(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("global_webhook", item.into()).into()
}

/// Answers the handshakes with `answer = "export"`: `fn greet(&self, request: WebhookRequest) -> Result<WebhookResponse>`.
/// Anybody can send such a request, so the method can only read: the host refuses whatever it would write or send.
#[proc_macro_attribute]
pub fn handshake(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("handshake", item.into()).into()
}

/// A producer, which the host calls for each instance on a schedule: `fn poll(&self) -> Result<()>`, with
/// `#[producer]`, `#[producer(every = "30s", jitter = "5s")]` or
/// `#[producer(cron = "0 9 * * 1", time_zone = "Europe/Berlin")]`, and `events(PostCreated)` for the
/// types of events that it emits.
#[proc_macro_attribute]
pub fn producer(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("producer", item.into()).into()
}

/// Makes the platform's URL to which the host sends people:
/// `fn url(&self, request: AuthorizeRequest) -> Result<String>`.
#[proc_macro_attribute]
pub fn authorize_url(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("authorize_url", item.into()).into()
}

/// The host calls it when the browser comes back from the platform:
/// `fn callback(&self, callback: OAuthCallback) -> Result<Authorized>`.
#[proc_macro_attribute]
pub fn oauth_callback(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("oauth_callback", item.into()).into()
}

/// A step of a hook: `fn guard(&self, data: Data) -> Result<Verdict>`, with any `Deserialize` type. For a hook
/// that the plugin does not declare itself, it needs a grant (`hooks = ["action.requested"]`).
///
/// ```text
/// #[filter(
///     hook = "org.moothall.action.requested.v1",
///     order = 10,                             // lower ones run first; the default is 100
///     fail_silently = false,                  // a failure ends the run; the default is true
///     description = "What it is for.",
/// )]
/// ```
#[proc_macro_attribute]
pub fn filter(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("filter", item.into()).into()
}

/// A worker, which handles each event once, at its own pace: `fn handle(&self, event: Envelope) -> Result<()>`.
/// It gets the plugin's own events, and other events that the operator grants (`events = ["discourse:*", "api.change"]`).
///
/// ```text
/// #[worker(
///     name = "notify",
///     events("api.change", "discourse:*"),    // patterns of events, or sending_event
///     matches("/resource=story"),             // required texts in the event's data
///     ordering = "fifo",                      // a failed event delays later ones with its key
///     max_attempts = 8,
///     timeout_ms = 30000,
///     enabled = wants,                        // fn wants(&self, config: Config) -> Result<bool>
/// )]
/// ```
///
/// After an error the host tries again later, unless it was made with `Error::permanent`.
#[proc_macro_attribute]
pub fn worker(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("worker", item.into()).into()
}

/// Takes monitoring points, measurements of the host's requests, in batches:
/// `fn points(&self, points: Vec<Point>) -> Result<()>`.
#[proc_macro_attribute]
pub fn monitoring(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("monitoring", item.into()).into()
}

/// The host calls it for each instance on a schedule of its own: `fn flush(&self, scheduled_at: Moment) -> Result<()>`, with
/// `#[schedule(name = "flush", every = "10s")]` or the options of [`producer`](macro@producer).
#[proc_macro_attribute]
pub fn schedule(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("schedule", item.into()).into()
}

/// Answers HTTP requests at a path of the plugin's own:
/// `fn teapot(&self, request: RouteRequest) -> Result<WebhookResponse>`, with
/// `#[route(path = "/stories/{id}", methods("GET", "POST"), auth = "public")]`. Without `auth` it needs
/// an API key, like `/api/internal`. Its URL is `/api/plugins/<plugin>/<community>/stories/7`.
#[proc_macro_attribute]
pub fn route(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("route", item.into()).into()
}

/// Makes a governance process of an `impl` block on a unit struct. The plugin, in the same crate, lists it in
/// `processes(…)`; so the process has the plugin's configuration, settings and events.
///
/// ```text
/// struct MyVote;
///
/// #[process(
///     name = "my-vote",                       // required: [a-z][a-z0-9-]{0,49}
///     description = "What it is for.",
///     state = VoteState,                      // for `self.load()` and `self.store(…)`
///     outcome = Outcome,                      // Serialize + JsonSchema
///     every = "60s",                          // how often `update` is called; or `cron = "…"`
/// )]
/// impl MyVote { … }
/// ```
///
/// The host calls methods with these names, all but the first optional:
///
/// - `fn start(&self, parameters: Vote) -> Result<()>`, with any `Deserialize + JsonSchema` type;
/// - `fn update(&self) -> Result<()>`, on a schedule while it is pending, by default every 60 seconds;
/// - `fn close(&self) -> Result<()>`, which has to complete it;
/// - `fn receive_webhook(&self, request: WebhookRequest) -> Result<()>`, or with another result that
///   [`webhook`](macro@webhook) allows.
#[proc_macro_attribute]
pub fn process(attributes: TokenStream, item: TokenStream) -> TokenStream {
    process::expand(attributes.into(), item.into()).into()
}

/// Makes a type of event of a `Serialize + JsonSchema` struct with
/// `#[event("post_created", description = "…")]`.
#[proc_macro_derive(Event, attributes(event))]
pub fn event(item: TokenStream) -> TokenStream {
    event::expand(item.into()).into()
}
