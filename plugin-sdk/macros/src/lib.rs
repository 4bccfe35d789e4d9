//! The attributes of `moothall-sdk`. A thin shell: reading, checking and writing are ordinary
//! functions on tokens, and what the written code calls are ordinary functions of the SDK.

mod event;
mod glue;
mod method;
mod mistakes;
mod name;
mod options;
mod plugin;
mod process;

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
///     on_config_change = "keep",              // recreate (with its state) or keep
///     processes(MyVote),                      // types with `#[process]`
///     events(PostCreated),                    // types with `#[derive(Event)]`
///     route_keys("/team_id"),                 // config values that `Routed::to_route_key` names
///     oauth(types("app", "user"), no_pkce, issuer = "https://platform.example"),
///     requests(                               // what the operator is asked to grant
///         reveal("/api_key"),
///         http("api.example.com", "config:/server_url"),
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
/// - `fn config_changed(&self, previous: Config) -> Result<()>`, with `on_config_change = "keep"`;
/// - `fn upgraded(&self, from_version: String) -> Result<()>`, before the first call on a new version;
/// - `fn close(&self) -> Result<()>`, at the host's shutdown.
///
/// Methods with [`action`](macro@action) are actions; [`webhook`](macro@webhook),
/// [`global_webhook`](macro@global_webhook), [`producer`](macro@producer),
/// [`authorize_url`](macro@authorize_url), [`oauth_callback`](macro@oauth_callback) and
/// [`monitoring`](macro@monitoring) make the one method of their kind, and there may be several with
/// [`filter`](macro@filter), [`worker`](macro@worker), [`schedule`](macro@schedule) and
/// [`route`](macro@route). All others are the plugin's own.
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
/// `Serialize + JsonSchema` type, and `Result<()>` answers nothing.
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
///         scheme = "hmac-sha256",             // slack-v0, stripe, standard-webhooks, ed25519
///         secret = "/webhook_secret",         // a JSON Pointer into the config, or settings:<name>
///         header = "X-Hub-Signature-256",     // the first scheme only, as the next two
///         prefix = "sha256=",
///         encoding = "hex",                   // or base64
///         tolerance_s = 300,                  // schemes with a timestamp
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
/// [`webhook`](macro@webhook), with a secret of the settings.
#[proc_macro_attribute]
pub fn global_webhook(_attributes: TokenStream, item: TokenStream) -> TokenStream {
    plugin::outside_a_plugin("global_webhook", item.into()).into()
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
/// what `/api/internal` needs.
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
/// - `fn update(&self) -> Result<()>`, again and again while it is pending;
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
