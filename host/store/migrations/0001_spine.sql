-- Communities, their instances, state, keys, compiled plugins, failed calls.
-- Times are milliseconds since the Unix epoch. `written_by` is the name of the write that last
-- changed a row, as `Store::write` was given it.

-- A group of people. Written by the mutations of a community.
CREATE TABLE community (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again
    slug          TEXT NOT NULL UNIQUE,              -- its name in URLs; a rename changes it
    readable_name TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    written_by    TEXT NOT NULL
) STRICT;

-- A plugin enabled for a community. Written by the mutations of its community.
CREATE TABLE instance (
    id             INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again; also the id in the HTTP API
    community_id   INTEGER NOT NULL REFERENCES community (id),
    plugin         TEXT NOT NULL,
    platform_id    TEXT NOT NULL,    -- `community_platform_id`; empty where the plugin has none
    generation     INTEGER NOT NULL, -- rises when it is reconfigured in place; each write of a call names it
    config         TEXT NOT NULL,    -- JSON, validated, defaults filled, secrets as {"$secret": pointer}
    plugin_version TEXT NOT NULL,    -- the version it last ran on
    plugin_mark    INTEGER NOT NULL, -- of the plugin file (8 bytes of its digest) whose schema accepted the config
    created_at     INTEGER NOT NULL,
    written_by     TEXT NOT NULL,
    UNIQUE (community_id, plugin, platform_id)
) STRICT;

-- The secret values of an instance's configuration. Written with their instance.
CREATE TABLE instance_secret (
    instance_id INTEGER NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
    pointer     TEXT NOT NULL, -- JSON Pointer into the configuration
    sealed      BLOB NOT NULL, -- XChaCha20-Poly1305 under secret.key
    PRIMARY KEY (instance_id, pointer)
) STRICT, WITHOUT ROWID;

-- Key-value state. Written by the commit of a call. No foreign key: the rows of a deleted instance
-- are removed later, in chunks, by the purge.
CREATE TABLE state (
    instance_id INTEGER NOT NULL,
    key         TEXT NOT NULL,
    value       TEXT NOT NULL, -- JSON
    PRIMARY KEY (instance_id, key)
) STRICT, WITHOUT ROWID;

-- Instances whose state is still to be removed. Written when an instance is deleted, cleared by the purge.
CREATE TABLE purge (
    instance_id INTEGER PRIMARY KEY
) STRICT;

-- API keys. Written by `moothall key`. A revoked key stays: once one was created, keys are required.
CREATE TABLE api_key (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    hash       BLOB NOT NULL,    -- SHA-256 of the key's secret part
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

-- What was learnt about a plugin file, by its content: native code in `cache/`, and its manifest.
-- Written after a compilation; a host of another version or CPU has rows of its own.
CREATE TABLE compiled (
    digest        TEXT NOT NULL, -- SHA-256 of the .wasm file
    compatibility TEXT NOT NULL, -- of the engine that compiled it
    code_hash     TEXT NOT NULL, -- SHA-256 of the native code; code that differs is not loaded
    manifest      TEXT NOT NULL, -- what `describe` answered
    written_at    INTEGER NOT NULL,
    PRIMARY KEY (digest, compatibility)
) STRICT, WITHOUT ROWID;

-- Calls that failed after validation by fault of plugin or host. Written outside the call.
CREATE TABLE failed_call (
    position     INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    request_id   TEXT NOT NULL,
    community    TEXT NOT NULL,
    plugin       TEXT NOT NULL,
    version      TEXT NOT NULL,
    instance_id  INTEGER NOT NULL,
    origin       TEXT NOT NULL, -- `action`, `enable`, …
    name         TEXT NOT NULL, -- of the action, …
    code         TEXT NOT NULL, -- as in the problem that was answered
    detail       TEXT NOT NULL,
    log          TEXT NOT NULL, -- the guest's last lines
    started_at   INTEGER NOT NULL,
    duration_us  INTEGER NOT NULL,
    cpu_us       INTEGER NOT NULL
) STRICT;
CREATE INDEX failed_call_started ON failed_call (started_at);
