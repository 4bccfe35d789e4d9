//! What an endpoint and an attempt at a delivery to it can be, each a closed set of words. A word is spelled here alone:
//! rows, JSON, logs and messages have the same.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of])* $variant,)+
        }

        impl $name {
            /// Of the text that is stored.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }

            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        /// The text that is stored and shown.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string" })
            }
        }
    };
}

words! {
    EndpointKind {
        /// The one that always exists.
        Driver = "driver",
        /// One that a client added.
        Endpoint = "endpoint",
        /// The callback URL of processes.
        Callback = "callback",
        /// One that a client deleted; its deliveries are being cancelled.
        Deleted = "deleted",
    }
}

impl EndpointKind {
    /// Whether the API lists it and events are delivered to it by its subscriptions.
    pub fn subscribes(self) -> bool {
        match self {
            Self::Driver | Self::Endpoint => true,
            Self::Callback | Self::Deleted => false,
        }
    }
}

words! {
    /// Who set an endpoint's URL.
    UrlBy {
        /// The operator, at start.
        Environment = "environment",
        /// A client.
        Api = "api",
    }
}

words! {
    /// How the body of a delivery is written.
    BodyFormat {
        Metagov = "metagov",
        Standard = "standard",
        OpenEdx = "openedx",
        /// The event's data alone: the process, for its callback.
        Process = "process",
    }
}

impl BodyFormat {
    /// Those that clients choose from.
    pub const CHOICES: [Self; 3] = [Self::Metagov, Self::Standard, Self::OpenEdx];
}

words! {
    /// Whether deliveries wait for those of their lane that are before them.
    EndpointOrdering {
        Fifo = "fifo",
        Unordered = "unordered",
    }
}

impl EndpointOrdering {
    pub const ALL: [Self; 2] = [Self::Fifo, Self::Unordered];
}

words! {
    /// Why an attempt failed.
    AttemptError {
        /// The receiver answered with a status that is not 2xx.
        Status = "status",
        /// The request itself is wrong: nothing was sent.
        Invalid = "invalid",
        /// An address that may not be reached: nothing was sent.
        Refused = "refused",
        /// No connection: nothing was sent.
        Connect = "connect",
        /// The host itself lacks a resource: nothing was sent.
        Exhausted = "exhausted",
        Timeout = "timeout",
        /// The answer is too large.
        TooLarge = "too_large",
        /// The connection ended before the whole answer was there.
        Broken = "broken",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_written_and_read_alike_and_others_are_unknown() {
        for word in ["driver", "endpoint", "callback", "deleted"] {
            assert_eq!(EndpointKind::parse(word).map(EndpointKind::as_str), Some(word));
        }
        for word in ["environment", "api"] {
            assert_eq!(UrlBy::parse(word).map(UrlBy::as_str), Some(word));
        }
        for word in ["metagov", "standard", "openedx", "process"] {
            assert_eq!(BodyFormat::parse(word).map(BodyFormat::as_str), Some(word));
        }
        for word in ["fifo", "unordered"] {
            assert_eq!(EndpointOrdering::parse(word).map(EndpointOrdering::as_str), Some(word));
        }
        let errors = "status invalid refused connect exhausted timeout too_large broken";
        for word in errors.split(' ') {
            assert_eq!(AttemptError::parse(word).map(AttemptError::as_str), Some(word));
        }
        assert_eq!(EndpointKind::parse("Driver"), None);
        assert_eq!(BodyFormat::parse(""), None);
    }
}
