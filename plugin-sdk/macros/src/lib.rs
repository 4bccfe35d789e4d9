//! The attributes of `moothall-sdk`. A thin shell: reading, checking and writing are ordinary
//! functions on tokens, and what the written code calls are ordinary functions of the SDK.

mod component;
mod event;
mod glue;
mod method;
mod mistakes;
mod name;
mod options;
mod plugin;
mod process;
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
///     description = "What it is for.",
///     auth_type = "api_key",                  // none, api_key or oauth
///     community_platform_id_key = "team_id",  // a key of the config
///     on_config_change = "keep",              // or "recreate", the default: see below
///     processes(MyVote),                      // types with `#[process]`
///     events(PostCreated),                    // types with `#[derive(Event)]`
///     route_keys("/team_id"),                 // config values that `Routed::to_route_key` names
///     oauth(                                  // types: both if nothing is said
///         types("app", "user"),
///         no_pkce,                            // the platform does not take PKCE
///         issuer = "https://id.example",      // or "settings:/oauth_issuer"
///     ),
///     requests(                               // what the operator is asked to grant
///         reveal("/api_key"),
///         http("api.example.com", "b.example:8443", "config:/server_url"), // default ports, or that one
///         tcp("redis.internal:6379"),         // for client crates that use std::net
///         accounts("discord"),                // people's accounts on platforms beside its own
///     ),
///     scope = "host",                         // one for the whole host, granted and set up in moothall.toml
///     resident,                               // keeps its memory between calls
///     hooks(                                  // for platforms to run, for steps to be added to
///         Hook::new("org.example.registration.requested.v1").mutable("/form"),
///     ),
/// )]
/// impl Tutorial { … }
/// ```
///
/// Methods with these names are called when it happens, all optional:
///
/// - `fn initialize(&self) -> Result<()>`, once, when the plugin is enabled for a community;
/// - `fn config_changed(&self, previous: Config) -> Result<()>`, when the configuration of an instance that is
///   kept has changed: see below;
/// - `fn upgraded(&self, from_version: String) -> Result<()>`, before the first call on a new version;
/// - `fn close(&self) -> Result<()>`, at the host's shutdown, of a plugin with `scope = "host"` alone.
///
/// Methods with [`action`](macro@action) are actions; [`webhook`](macro@webhook),
/// [`global_webhook`](macro@global_webhook), [`handshake`](macro@handshake), [`producer`](macro@producer),
/// [`authorize_url`](macro@authorize_url), [`oauth_callback`](macro@oauth_callback) and
/// [`monitoring`](macro@monitoring) make the one method of their kind, and there may be several with
/// [`filter`](macro@filter), [`worker`](macro@worker), [`schedule`](macro@schedule) and
/// [`route`](macro@route). All others are the plugin's own.
///
/// # What the operator grants
///
/// What belongs to the plugin needs no grant: its state, its own events and hooks, people's accounts on the platform of
/// its own name. Everything else is granted by the operator, in `grants` of `[plugins.<name>]` in `moothall.toml`, and
/// a denial says which line to add. Some of it the manifest has to ask for as well, so that an operator can see what a
/// plugin is after; the rest follows from what it has.
///
/// | what | the plugin says | the operator grants |
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
/// A grant of `http`, `tcp` or `reveal` that the manifest does not ask for has no effect, and is a warning in the
/// plugin's listing. What is asked for and not granted is listed there as `missing`; the plugin serves without it.
///
/// # What a changed configuration costs
///
/// **By default (`on_config_change = "recreate"`) a changed configuration destroys the instance: its whole state is
/// gone, and every pending process ends, a running vote with it** (`errors: {"code": "instance_replaced"}`). A new
/// instance with a new id is made and `initialize` is called. With `on_config_change = "keep"` state and processes
/// stay, and `config_changed` is called in place of that. A plugin with votes or anything else that people would
/// miss wants `"keep"`.
///
/// No change are: keys in another order, `5.0` for `5`, a default that is spelt out, `null` for what is absent. Secrets
/// alone never recreate: the instance is kept, and `config_changed` is called where there is one (a plugin with
/// `"recreate"` has to say so to have one). A key that the type of `config` does not have is refused with 400, also a
/// `#[serde(alias)]`, which no schema shows; a type that takes any key says so itself (a map, `#[serde(flatten)]`).
///
/// A `resident` has one guest that lives on: what its schedules, its routes and its monitoring put into a
/// `thread_local!` is there at the next call. They come one at a time. Any fault or timeout discards the
/// guest with its memory, which is never rolled back: what has to last goes through the state.
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
///     public,                                 // callable without an API key
///     read_only,                              // writes no state
/// )]
/// fn times_two(&self, parameters: TimesTwo) -> Result<Doubled> { … }
/// ```
///
/// The parameters are any `Deserialize + JsonSchema` type and may be left out; the result is any
/// `Serialize + JsonSchema` type, and `Result<()>` answers nothing. Neither has a `Secret`: that is a place in the
/// configuration or the settings. Parameters that the type does not have are ignored, because drivers may send more
/// than one version of a plugin knows; a type with `#[serde(deny_unknown_fields)]` refuses them.
#[proc_macro_attribute]
pub fn action(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("action", item.into()).into()
}

/// Receives the webhooks of an instance, in an `impl` block that has [`plugin`](macro@plugin).
///
/// ```text
/// #[webhook(
///     events(PostCreated),                    // types of events that it emits
///     verify(                                 // the host checks the signature before
///         scheme = "hmac-sha256",             // slack-v0, zoom-v0, stripe, standard-webhooks, ed25519
///         secret = "/webhook_secret",         // a JSON Pointer into the config, or settings:<name>
///         header = "X-Hub-Signature-256",     // the first scheme only, as the next two
///         prefix = "sha256=",
///         encoding = "hex",                   // or base64
///         tolerance_s = 300,                  // schemes with a timestamp
///     ),
///     handshakes(                             // what the platform asks unsigned, answered by the host
///         get(query = "hub.challenge", secret = "/verify_token", secret_query = "hub.verify_token"),
///         post(
///             body = "/payload/plainToken",   // or `query`, `header`; without, the method alone
///             answer = "hmac",                // echo; export: by the method with `#[handshake]`
///             json("plainToken={token}", "encryptedToken={hmac}"),
///         ),
///         head,
///     ),
/// )]
/// fn receive(&self, request: WebhookRequest) -> Result<WebhookResponse> { … }
/// ```
///
/// With `Result<Option<WebhookResponse>>` or `Result<()>`, what is not answered here is answered by
/// the first pending process, or with 200.
#[proc_macro_attribute]
pub fn webhook(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("webhook", item.into()).into()
}

/// Receives the webhooks of the whole platform and says whom they are for:
/// `fn route(&self, request: WebhookRequest) -> Result<Routed>`. The option `verify` is that of
/// [`webhook`](macro@webhook), with a secret of the settings; so is `handshakes`.
#[proc_macro_attribute]
pub fn global_webhook(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("global_webhook", item.into()).into()
}

/// Answers the handshakes with `answer = "export"`: `fn greet(&self, request: WebhookRequest) -> Result<WebhookResponse>`.
/// Anybody can send such a request, so the method can read and nothing else: what it would write or send is refused.
#[proc_macro_attribute]
pub fn handshake(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("handshake", item.into()).into()
}

/// Is called again and again for each instance: `fn poll(&self) -> Result<()>`, with
/// `#[producer]`, `#[producer(every = "30s", jitter = "5s")]` or
/// `#[producer(cron = "0 9 * * 1", time_zone = "Europe/Berlin")]`, and `events(PostCreated)` for the
/// types of events that it emits.
#[proc_macro_attribute]
pub fn producer(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("producer", item.into()).into()
}

/// Makes the platform's URL that people are sent to:
/// `fn url(&self, request: AuthorizeRequest) -> Result<String>`.
#[proc_macro_attribute]
pub fn authorize_url(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("authorize_url", item.into()).into()
}

/// Is called when the browser is back from the platform:
/// `fn callback(&self, callback: OAuthCallback) -> Result<Authorized>`.
#[proc_macro_attribute]
pub fn oauth_callback(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("oauth_callback", item.into()).into()
}

/// A step of a hook: `fn guard(&self, data: Data) -> Result<Verdict>`, with any `Deserialize` type. Of a hook
/// that the plugin does not declare itself only where the operator grants it (`hooks = ["action.requested"]`).
///
/// ```text
/// #[filter(
///     hook = "org.moothall.action.requested.v1",
///     order = 10,                             // lower ones run first; 100
///     fail_silently = false,                  // a failure of this method ends the run; true
///     description = "What it is for.",
/// )]
/// ```
#[proc_macro_attribute]
pub fn filter(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("filter", item.into()).into()
}

/// Handles events, each once, with a cursor of its own: `fn handle(&self, event: Envelope) -> Result<()>`.
/// The plugin's own, and of others those that the operator grants (`events = ["discourse:*", "api.change"]`).
///
/// ```text
/// #[worker(
///     name = "notify",
///     events("api.change", "discourse:*"),    // patterns of events, or sending_event
///     matches("/resource=story"),             // texts in the event's data
///     ordering = "fifo",                      // one that failed holds back those with its key
///     max_attempts = 8,
///     timeout_ms = 30000,
///     enabled = wants,                        // fn wants(&self, config: Config) -> Result<bool>
/// )]
/// ```
///
/// An error is tried again later; one made with `Error::permanent` is not.
#[proc_macro_attribute]
pub fn worker(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("worker", item.into()).into()
}

/// Takes what the host measures of its requests, in batches:
/// `fn points(&self, points: Vec<Point>) -> Result<()>`.
#[proc_macro_attribute]
pub fn monitoring(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("monitoring", item.into()).into()
}

/// Is called again and again for each instance: `fn flush(&self, scheduled_at: String) -> Result<()>`, with
/// `#[schedule(name = "flush", every = "10s")]` or the options of [`producer`](macro@producer).
#[proc_macro_attribute]
pub fn schedule(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("schedule", item.into()).into()
}

/// Answers HTTP requests at a path of the plugin's own:
/// `fn teapot(&self, request: RouteRequest) -> Result<WebhookResponse>`, with
/// `#[route(path = "/stories/{id}", methods("GET", "POST"), auth = "public")]`. Without `auth` it needs
/// what `/api/internal` needs. Its URL is `/api/plugins/<plugin>/<community>/stories/7`.
#[proc_macro_attribute]
pub fn route(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("route", item.into()).into()
}

/// Makes a governance process of an `impl` block on a unit struct; the plugin that has it lists it
/// in `processes(…)`.
///
/// ```text
/// struct MyVote;
///
/// #[process(
///     name = "my-vote",                       // required: [a-z][a-z0-9-]{0,49}
///     description = "What it is for.",
///     config = Config,                        // the plugin's, for `self.config()`
///     settings = Settings,                    // the plugin's, for `self.settings()`
///     state = VoteState,                      // for `self.load()` and `self.store(…)`
///     outcome = Outcome,                      // Serialize + JsonSchema
///     every = "60s",                          // how often `update` is called; or `cron = "…"`
/// )]
/// impl MyVote { … }
/// ```
///
/// Methods with these names are called, all but the first optional:
///
/// - `fn start(&self, parameters: Vote) -> Result<()>`, with any `Deserialize + JsonSchema` type;
/// - `fn update(&self) -> Result<()>`, again and again while it is pending, each 60 seconds if nothing is said;
/// - `fn close(&self) -> Result<()>`, which has to complete it;
/// - `fn receive_webhook(&self, request: WebhookRequest) -> Result<()>`, or with an answer as
///   [`webhook`](macro@webhook) has it.
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
