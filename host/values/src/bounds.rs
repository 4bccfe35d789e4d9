//! Limits on what a plugin passes to the host. For limits that an operator may set, these are the defaults,
//! which the in-memory host uses.

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Default: bytes of a key of the state.
pub const STATE_KEY_BYTES: usize = 512;
/// Default: bytes of a value of the state.
pub const STATE_VALUE_BYTES: usize = 256 * KIB;
/// Default: how often a call may write state.
pub const STATE_WRITES: usize = 1_000;
/// Default: how many events a call may emit.
pub const EVENTS: usize = 100;
/// Default: bytes of an event's data, and of its initiator.
pub const EVENT_BYTES: usize = 256 * KIB;
/// Default: bytes of a process's outcome, and of its errors.
pub const PROCESS_BYTES: usize = 256 * KIB;
/// Default: bytes of a call's result.
pub const RESULT_BYTES: usize = MIB;
/// Default: how many headers a response may have.
pub const RESPONSE_HEADERS: usize = 80;
/// By default: of the names and values of those.
pub const RESPONSE_HEADER_BYTES: usize = 64 * KIB;
/// Default: how many requests a call may send.
pub const HTTP_REQUESTS: usize = 32;
/// Default: how many secrets a request may contain.
pub const HTTP_PLACEMENTS: usize = 16;
/// Default: how many headers a request may have.
pub const REQUEST_HEADERS: usize = 100;
/// By default: of the names and values of those.
pub const REQUEST_HEADER_BYTES: usize = 64 * KIB;
/// Default: bytes of a request's body.
pub const REQUEST_BYTES: usize = MIB;
/// Default: how often a call may change accounts.
pub const ACCOUNTS: usize = 100;

/// Bytes of an event's type.
pub const EVENT_TYPE_BYTES: usize = 100;
/// Bytes of an event's dedupe key.
pub const DEDUPE_KEY_BYTES: usize = 200;
/// Bytes of a process's URL.
pub const PROCESS_URL_BYTES: usize = 2 * KIB;
/// Bytes of a request's URL.
pub const REQUEST_URL_BYTES: usize = 8 * KIB;
/// Bytes of the name of a platform, of an identifier on it, or of a `community_platform_id`.
pub const ACCOUNT_NAME_BYTES: usize = 500;
/// Bytes of an account's `custom_data`, as JSON.
pub const CUSTOM_DATA_BYTES: usize = 64 * KIB;
/// Bytes of an account as JSON: its custom data, perhaps with every letter escaped, and the rest.
pub const ACCOUNT_BYTES: usize = 6 * CUSTOM_DATA_BYTES + 16 * KIB;
