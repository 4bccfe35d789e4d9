//! The stable codes of failures, for programs.

use std::fmt;

macro_rules! codes {
    ($($name:ident = $text:literal,)*) => {
        /// What went wrong, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($name,)*
            /// A plugin's own kind: `plugin:<kind>`.
            OwnKind,
        }

        impl Code {
            /// All codes with a fixed text.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::OwnKind => "plugin:…",
                }
            }
        }
    };
}

codes! {
    AccountOwned = "account_owned",
    AlreadyCompleted = "already_completed",
    AmbiguousInstance = "ambiguous_instance",
    BadRedirect = "bad_redirect",
    BadRequest = "bad_request",
    BadSignature = "bad_signature",
    BadState = "bad_state",
    BadTicket = "bad_ticket",
    BodyTooLarge = "body_too_large",
    BodyTooSlow = "body_too_slow",
    ChangedMeanwhile = "changed_meanwhile",
    CommunityExists = "community_exists",
    Compiling = "compiling",
    ConfigInvalid = "config_invalid",
    Conflict = "conflict",
    DayUsedUp = "day_used_up",
    DriverEndpoint = "driver_endpoint",
    DuplicateInstance = "duplicate_instance",
    Forbidden = "forbidden",
    ForeignRequest = "foreign_request",
    Gone = "gone",
    HandshakeRefused = "handshake_refused",
    HookDeclared = "hook_declared",
    HookFailed = "hook_failed",
    IdempotencyKeyReused = "idempotency_key_reused",
    InstanceBusy = "instance_busy",
    InstanceReplaced = "instance_replaced",
    Internal = "internal",
    Invalid = "invalid",
    InvalidConfig = "invalid_config",
    InvalidData = "invalid_data",
    InvalidParameters = "invalid_parameters",
    MalformedJson = "malformed_json",
    MethodNotAllowed = "method_not_allowed",
    MissingHeader = "missing_header",
    NoClose = "no_close",
    NoOauth = "no_oauth",
    NoPublicUrl = "no_public_url",
    NotClosed = "not_closed",
    NotFound = "not_found",
    NotReady = "not_ready",
    NotResendable = "not_resendable",
    OtherScope = "other_scope",
    Overloaded = "overloaded",
    PluginBadOutput = "plugin_bad_output",
    PluginLimit = "plugin_limit",
    PluginNotEnabled = "plugin_not_enabled",
    PluginTimeout = "plugin_timeout",
    PluginTrap = "plugin_trap",
    PluginUnavailable = "plugin_unavailable",
    Prefetch = "prefetch",
    Prevented = "prevented",
    Scope = "scope",
    StepOfPlugin = "step_of_plugin",
    StillRunning = "still_running",
    StoreUnavailable = "store_unavailable",
    TicketRequired = "ticket_required",
    TooManyEndpoints = "too_many_endpoints",
    TooManyHooks = "too_many_hooks",
    TooManyPlugins = "too_many_plugins",
    TooManyProcesses = "too_many_processes",
    TooManyRows = "too_many_rows",
    TooManySecrets = "too_many_secrets",
    TooManySteps = "too_many_steps",
    Unauthorized = "unauthorized",
    Unavailable = "unavailable",
    UnknownAccount = "unknown_account",
    UnknownAction = "unknown_action",
    UnknownCommunity = "unknown_community",
    UnknownDeadLetter = "unknown_dead_letter",
    UnknownEncoding = "unknown_encoding",
    UnknownEndpoint = "unknown_endpoint",
    UnknownInstance = "unknown_instance",
    UnknownPerson = "unknown_person",
    UnknownPlugin = "unknown_plugin",
    UnknownProcess = "unknown_process",
    UnusableSetting = "unusable_setting",
    UpgradeFailed = "upgrade_failed",
    WebhookSecretMissing = "webhook_secret_missing",
    WebhookSecretUnusable = "webhook_secret_unusable",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
