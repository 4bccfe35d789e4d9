//! The attributes, each with an example that calls the plugin as a host does. `moothall-sdk-macros` says what each
//! option means; its text follows the example.

mod background;

pub use background::{filter, monitoring, producer, schedule, worker};

/// A plugin that counts its visitors. What the host calls are its methods with attributes, and four that it knows by
/// their names.
///
/// ```
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::testing::Host;
///
/// struct Visitors;
///
/// #[plugin(name = "visitors", description = "Counts who comes.")]
/// impl Visitors {
///     fn initialize(&self) -> Result<()> {
///         self.state().set("visitors", &0)
///     }
///
///     #[action(slug = "come-in")]
///     fn come_in(&self) -> Result<u64> {
///         let visitors = self.state().get::<u64>("visitors")?.unwrap_or(0) + 1;
///         self.state().set("visitors", &visitors)?;
///         Ok(visitors)
///     }
/// }
///
/// let mut host = Host::new(Visitors);
/// host.enable().expect("enabled");
/// assert_eq!(host.action("come-in", json!({})), Ok(json!(1)));
/// ```
///
pub use moothall_sdk_macros::plugin;

/// An action with parameters that have a default, and with a result. The result needs no struct around it: a text, a
/// number, a list, an `Option` or any JSON will do.
///
/// ```
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::testing::Host;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Repeat {
///     /// What is repeated.
///     text: String,
///     #[serde(default = "twice")]
///     times: usize,
/// }
///
/// fn twice() -> usize {
///     2
/// }
///
/// struct Parrot;
///
/// #[plugin(name = "parrot")]
/// impl Parrot {
///     #[action(slug = "repeat", description = "Repeats a text.", public, read_only)]
///     fn repeat(&self, Repeat { text, times }: Repeat) -> Result<String> {
///         if times > 100 {
///             return Err(Error::invalid("'times' is more than 100; give at most 100"));
///         }
///         Ok(text.repeat(times))
///     }
/// }
///
/// let mut host = Host::new(Parrot);
/// assert_eq!(host.action("repeat", json!({ "text": "ha" })), Ok(json!("haha")));
/// assert!(host.action("repeat", json!({ "text": "ha", "times": 101 })).is_err());
/// ```
///
pub use moothall_sdk_macros::action;

/// Webhooks of GitHub, whose signature the host checks before it calls the plugin:
///
/// ```
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::testing::{Host, webhook};
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Config {
///     webhook_secret: Secret,
/// }
///
/// #[derive(Event, Serialize, JsonSchema)]
/// #[event("starred", description = "Somebody likes a repository.")]
/// struct Starred {
///     repository: String,
/// }
///
/// #[derive(Deserialize)]
/// struct Star {
///     repository: Repository,
/// }
///
/// #[derive(Deserialize)]
/// struct Repository {
///     full_name: String,
/// }
///
/// struct Stars;
///
/// #[plugin(name = "stars", config = Config)]
/// impl Stars {
///     #[webhook(
///         events(Starred),
///         verify(
///             scheme = "hmac-sha256",
///             secret = "/webhook_secret",
///             header = "X-Hub-Signature-256",
///             prefix = "sha256="
///         )
///     )]
///     fn receive(&self, request: WebhookRequest) -> Result<WebhookResponse> {
///         let star: Star = request.json()?;
///         self.events().emit(&Starred { repository: star.repository.full_name })?;
///         Ok(WebhookResponse::status(202))
///     }
/// }
///
/// let mut host = Host::new(Stars);
/// let answer = host.webhook(webhook(&json!({ "repository": { "full_name": "ann/tea" } })));
/// assert_eq!(answer, Ok(Some(WebhookResponse::status(202))));
/// assert_eq!(host.events()[0].data, json!({ "repository": "ann/tea" }));
/// ```
///
pub use moothall_sdk_macros::webhook;

/// A platform that sends the webhooks of all its teams to one URL:
///
/// ```
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::Routed;
/// use moothall_sdk::testing::{Host, webhook};
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Config {
///     team_id: String,
/// }
///
/// struct Teams;
///
/// #[plugin(name = "teams", config = Config, route_keys("/team_id"))]
/// impl Teams {
///     #[global_webhook]
///     fn route(&self, request: WebhookRequest) -> Result<Routed> {
///         let body: Value = request.json()?;
///         let team = body["team"].as_str();
///         Ok(team.map_or_else(Routed::nowhere, |team| Routed::to_route_key("/team_id", team)))
///     }
/// }
///
/// let mut host = Host::new(Teams);
/// let routed = host.global_webhook(webhook(&json!({ "team": "T1" })));
/// assert_eq!(routed, Ok(Routed::to_route_key("/team_id", "T1")));
/// ```
///
pub use moothall_sdk_macros::global_webhook;

/// A platform that asks for a token in a form of its own before it sends webhooks:
///
/// ```
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::testing::{Host, webhook};
///
/// struct Greeted;
///
/// #[plugin(name = "greeted")]
/// impl Greeted {
///     #[webhook(handshakes(post(body = "/hello", answer = "export")))]
///     fn receive(&self, _request: WebhookRequest) -> Result<()> {
///         Ok(())
///     }
///
///     #[handshake]
///     fn greet(&self, request: WebhookRequest) -> Result<WebhookResponse> {
///         let body: Value = request.json()?;
///         WebhookResponse::ok().json(&json!({ "hello_again": body["hello"] }))
///     }
/// }
///
/// let answer = Host::new(Greeted).handshake(webhook(&json!({ "hello": "7" })));
/// assert_eq!(answer, WebhookResponse::ok().json(&json!({ "hello_again": "7" })));
/// ```
///
pub use moothall_sdk_macros::handshake;

/// See [`oauth`](crate::oauth) for a whole authorisation.
pub use moothall_sdk_macros::authorize_url;

/// See [`oauth`](crate::oauth) for a whole authorisation.
pub use moothall_sdk_macros::oauth_callback;

/// A page at a path of the plugin's own, which everybody can read:
///
/// ```
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::testing::Host;
///
/// struct Library;
///
/// #[plugin(name = "library")]
/// impl Library {
///     #[route(path = "/books/{title}", methods("GET"), auth = "public")]
///     fn book(&self, request: RouteRequest) -> Result<WebhookResponse> {
///         let title = request.capture("title").unwrap_or_default();
///         Ok(WebhookResponse::ok().text(format!("{title} is lent")))
///     }
/// }
///
/// let request = RouteRequest {
///     captures: vec![("title".to_owned(), "Momo".to_owned())],
///     ..RouteRequest::default()
/// };
/// let answer = Host::new(Library).route("/books/{title}", request);
/// assert_eq!(answer, Ok(WebhookResponse::ok().text("Momo is lent")));
/// ```
///
pub use moothall_sdk_macros::route;

/// A vote that ends when three have voted, or when its time has come:
///
/// ```
/// use std::time::Duration;
///
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::testing::{Host, ProcessStatus};
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Ask {
///     question: String,
/// }
///
/// #[derive(Serialize, Deserialize)]
/// struct Votes {
///     question: String,
///     ayes: u32,
/// }
///
/// #[derive(Serialize, JsonSchema)]
/// struct Outcome {
///     accepted: bool,
/// }
///
/// struct Show;
///
/// #[process(name = "show-of-hands", state = Votes, outcome = Outcome)]
/// impl Show {
///     fn start(&self, Ask { question }: Ask) -> Result<()> {
///         self.store(&Votes { question, ayes: 0 })?;
///         self.set_closing_after(Duration::from_secs(3_600))
///     }
///
///     fn receive_webhook(&self, _request: WebhookRequest) -> Result<()> {
///         let votes = self.load()?;
///         self.store(&Votes { ayes: votes.ayes + 1, ..votes })
///     }
///
///     fn update(&self) -> Result<()> {
///         if self.load()?.ayes < 3 { Ok(()) } else { self.close() }
///     }
///
///     fn close(&self) -> Result<()> {
///         self.complete(&Outcome { accepted: self.load()?.ayes >= 3 })
///     }
/// }
///
/// struct Votings;
///
/// #[plugin(name = "votes", processes(Show))]
/// impl Votings {}
///
/// let mut host = Host::new(Votings);
/// let vote = host.start("show-of-hands", json!({ "question": "Tea?" })).expect("a vote");
/// for _ in 0..3 {
///     host.process_webhook(&vote, WebhookRequest::default()).expect("a hand");
/// }
/// host.update(&vote).expect("counted");
/// let vote = host.process(&vote).expect("it is kept");
/// assert_eq!((vote.status, &vote.outcome), (ProcessStatus::Completed, &json!({ "accepted": true })));
/// ```
///
pub use moothall_sdk_macros::process;

/// A type of event, which drivers find in the plugin's manifest, with its schema. [`Events`](crate::Events) has an
/// example.
pub use moothall_sdk_macros::Event;
