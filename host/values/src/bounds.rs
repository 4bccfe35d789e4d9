//! How much a plugin may hand over. Those that an operator may set stand here with what they are where nobody has set
//! others: the in-memory host has no settings, and bounds what the real one would.

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// By default: of a key of the state.
pub const STATE_KEY_BYTES: usize = 512;
/// By default: of a value of the state.
pub const STATE_VALUE_BYTES: usize = 256 * KIB;
/// By default: how often a call writes state.
pub const STATE_WRITES: usize = 1_000;
/// By default: how many events a call emits.
pub const EVENTS: usize = 100;
/// By default: of an event's data, and of its initiator.
pub const EVENT_BYTES: usize = 256 * KIB;
/// By default: of a process's outcome, and of its errors.
pub const PROCESS_BYTES: usize = 256 * KIB;
/// By default: of what a call answers.
pub const RESULT_BYTES: usize = MIB;
/// By default: how many headers a response has.
pub const RESPONSE_HEADERS: usize = 80;
/// By default: of the names and values of those.
pub const RESPONSE_HEADER_BYTES: usize = 64 * KIB;
/// By default: how many requests a call sends.
pub const HTTP_REQUESTS: usize = 32;
/// By default: how many secrets a request carries.
pub const HTTP_PLACEMENTS: usize = 16;
/// By default: how many headers a request has.
pub const REQUEST_HEADERS: usize = 100;
/// By default: of the names and values of those.
pub const REQUEST_HEADER_BYTES: usize = 64 * KIB;
/// By default: of a request's body.
pub const REQUEST_BYTES: usize = MIB;
/// By default: how often a call changes accounts.
pub const ACCOUNTS: usize = 100;

/// Of an event's type.
pub const EVENT_TYPE_BYTES: usize = 100;
/// Of an event's dedupe key.
pub const DEDUPE_KEY_BYTES: usize = 200;
/// Of a process's URL.
pub const PROCESS_URL_BYTES: usize = 2 * KIB;
/// Of a URL that a request goes to.
pub const REQUEST_URL_BYTES: usize = 8 * KIB;
/// Of the name of a platform, an identifier on it, or a `community_platform_id`.
pub const ACCOUNT_NAME_BYTES: usize = 500;
/// Of an account's `custom_data`, as JSON.
pub const CUSTOM_DATA_BYTES: usize = 64 * KIB;
/// Of an account, as JSON: its custom data, perhaps with every letter escaped, and the rest.
pub const ACCOUNT_BYTES: usize = 6 * CUSTOM_DATA_BYTES + 16 * KIB;
