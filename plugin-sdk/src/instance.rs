//! What a plugin and its processes have in common: the instance that the host calls, with its configuration, its
//! state and its events.

use crate::{Events, Plugin, Result, Secret, State, context, settings};

/// An instance of the plugin `P`, as the plugin itself and each of its processes sees it. The attribute
/// [`plugin`](macro@crate::plugin) implements it for the plugin and for the processes that it lists, so that a function
/// which takes `&impl Instance<P>` serves all of them.
///
/// Requests ([`http`](crate::http)), [`accounts`](crate::accounts), the [`context`](crate::context) and the
/// [`log`](crate::log) need no instance: they are functions.
///
/// ```
/// use moothall_sdk::http;
/// use moothall_sdk::prelude::*;
/// # use moothall_sdk::testing::{Answer, Host};
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Config {
///     channel: String,
///     token: Secret,
/// }
///
/// #[derive(Event, Serialize, JsonSchema)]
/// #[event("said")]
/// struct Said {
///     text: String,
/// }
///
/// struct Debate;
///
/// #[process(name = "debate")]
/// impl Debate {
///     fn start(&self) -> Result<()> {
///         // The process has its plugin's configuration.
///         say(self, &format!("A debate begins in {}.", self.config()?.channel))
///     }
/// }
///
/// struct Herald;
///
/// #[plugin(
///     name = "herald",
///     config = Config,
///     events(Said),
///     processes(Debate),
///     requests(http("chat.example"))
/// )]
/// impl Herald {
///     #[action(slug = "say")]
///     fn say(&self) -> Result<()> {
///         say(self, "Hear, hear!")
///     }
/// }
///
/// /// Of the plugin, and of its process.
/// fn say(instance: &impl Instance<Herald>, text: &str) -> Result<()> {
///     let said = json!({ "channel": instance.config()?.channel, "text": text });
///     let url = "https://chat.example/say";
///     http::post(url).bearer(&instance.secret("/token")).json(&said).send()?.error_for_status()?;
///     instance.instance_state().set("last", text)?;
///     instance.events().emit(&Said { text: text.to_owned() }).map(drop)
/// }
///
/// # let mut host = Host::new(Herald).config(json!({ "channel": "hall", "token": "t-1" }));
/// # for _ in 0..2 {
/// #     host.script("POST", "https://chat.example/say", Answer::ok());
/// # }
/// # host.action("say", json!({})).expect("said");
/// # host.start("debate", json!({})).expect("said");
/// # assert_eq!(host.events().len(), 2);
/// # assert_eq!(host.state("last"), Some(json!("A debate begins in hall.")));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a plugin nor a process that a plugin lists",
    label = "no plugin lists it",
    note = "if it is a process, write `processes({Self})` into the `#[plugin(…)]` of its plugin"
)]
pub trait Instance<P: Plugin> {
    /// The instance's configuration: validated, its defaults filled in.
    fn config(&self) -> Result<P::Config> {
        context::config()
    }

    /// The operator's settings for the plugin, the same for every community.
    fn settings(&self) -> Result<P::Settings> {
        settings::settings()
    }

    /// The instance's own state, which the plugin and all its processes share. In a plugin, `state` is the same.
    fn instance_state(&self) -> State {
        State::new()
    }

    /// Emits events of the instance.
    fn events(&self) -> Events<P> {
        Events::new()
    }

    /// The secret at `pointer` (a JSON Pointer such as `/api_key`) of the configuration.
    fn secret(&self, pointer: &str) -> Secret {
        Secret::at(pointer)
    }
}
