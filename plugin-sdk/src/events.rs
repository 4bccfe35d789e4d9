//! Events: immutable facts that drivers receive. An emitted event is only collected: when the host commits the
//! call, it stores and delivers the event. A failed call emits nothing.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde_json::Value;

use crate::bindings::host::events as host;
use crate::{Result, write};

/// A type of event, with the derive macro [`Event`](macro@crate::Event):
/// `#[derive(Event, Serialize, JsonSchema)] #[event("post_created", description = "…")]`. The plugin that declares it asks for
/// its JSON Schema.
pub trait Event: Serialize {
    /// The event's type, `[A-Za-z0-9_.: -]{1,100}`.
    const TYPE: &'static str;

    /// What the event means.
    const DESCRIPTION: Option<&'static str> = None;
}

/// A type of event that the plugin `P` and its processes may emit, because an `events(…)` of the plugin names it.
#[diagnostic::on_unimplemented(
    message = "the event `{Self}` is declared by no `events(…)` of the plugin",
    label = "not declared",
    note = "write `events({Self})` in `#[plugin(…)]`, or in its `#[webhook(…)]` or `#[producer(…)]`: the host checks the event by its schema then, and drivers see that there is such a type"
)]
pub trait DeclaredBy<P> {}

/// Emits events of the instance, from [`Instance::events`](crate::Instance::events): of types that the plugin
/// declares, and others whose type is known only at run time.
///
/// ```
/// use moothall_sdk::prelude::*;
/// # use moothall_sdk::testing::Host;
///
/// #[derive(Event, Serialize, JsonSchema)]
/// #[event("lent", description = "A book is lent.")]
/// struct Lent {
///     book: String,
/// }
///
/// struct Library;
///
/// #[plugin(name = "library", events(Lent))]
/// impl Library {
///     #[action(slug = "lend")]
///     fn lend(&self, parameters: Value) -> Result<()> {
///         let lent = Lent { book: parameters["book"].as_str().unwrap_or("any").to_owned() };
///         // The host stores it once, however often the action is repeated within a day.
///         let key = format!("lent-{}", lent.book);
///         let reader = json!({ "user_id": parameters["reader"], "provider": "library" });
///         self.events().event(&lent)?.initiator(reader).dedupe_key(key).emit()?;
///         Ok(())
///     }
/// }
///
/// # let mut host = Host::new(Library);
/// # host.action("lend", json!({ "book": "Momo", "reader": "ann" })).expect("lent");
/// # assert_eq!(host.events()[0].data, json!({ "book": "Momo" }));
/// ```
pub struct Events<P> {
    // Only a plugin can make one, so that the signature of a function shows that it emits events.
    of: PhantomData<fn() -> P>,
}

impl<P> Clone for Events<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Events<P> {}

impl<P> fmt::Debug for Events<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Events")
    }
}

impl<P> Events<P> {
    pub(crate) fn new() -> Self {
        Self { of: PhantomData }
    }

    /// Emits `event`; returns its id.
    pub fn emit<E: Event + DeclaredBy<P>>(&self, event: &E) -> Result<String> {
        self.event(event)?.emit()
    }

    /// Emits an event whose type is known only at run time; returns its id.
    pub fn emit_raw<T: Serialize + ?Sized>(&self, event_type: &str, data: &T) -> Result<String> {
        self.raw(event_type, data)?.emit()
    }

    /// Begins an event that has an initiator or a dedupe key.
    pub fn event<E: Event + DeclaredBy<P>>(&self, event: &E) -> Result<NewEvent> {
        self.raw(E::TYPE, event)
    }

    /// Begins an event whose type is known only at run time.
    pub fn raw<T: Serialize + ?Sized>(&self, event_type: &str, data: &T) -> Result<NewEvent> {
        Ok(NewEvent {
            event_type: event_type.to_owned(),
            data: write::json(data)?,
            initiator: None,
            dedupe_key: None,
        })
    }
}

/// An event that has not been emitted yet.
#[derive(Debug, Clone)]
#[must_use = "an event is emitted by `emit`"]
pub struct NewEvent {
    event_type: String,
    data: String,
    initiator: Option<String>,
    dedupe_key: Option<String>,
}

impl NewEvent {
    /// Says who caused it, such as `{"user_id": …, "provider": …}`.
    pub fn initiator(mut self, initiator: impl Into<Value>) -> Self {
        self.initiator = write::json(&initiator.into()).ok();
        self
    }

    /// Sets a dedupe key: if the instance has emitted an event with the same key within 24 hours, this one is
    /// not emitted.
    pub fn dedupe_key(mut self, key: impl Into<String>) -> Self {
        self.dedupe_key = Some(key.into());
        self
    }

    /// Emits the event; returns its id, or the id of the earlier event with the same dedupe key.
    pub fn emit(self) -> Result<String> {
        Ok(host::emit(
            &self.event_type,
            &self.data,
            self.initiator.as_deref(),
            self.dedupe_key.as_deref(),
        )?)
    }
}
