-- Hooks that drivers declare, and the steps of all hooks that are no plugin's own. Written through the API.
CREATE TABLE hook (
    name       TEXT PRIMARY KEY,
    definition TEXT NOT NULL, -- JSON, as it was put
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE hook_step (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id    TEXT NOT NULL UNIQUE, -- `step_` and a ULID
    hook         TEXT NOT NULL,
    community_id INTEGER NOT NULL,     -- 0: all
    settings     TEXT NOT NULL,        -- JSON, as it is shown; without secrets
    secret       BLOB NOT NULL,        -- sealed: signs the requests of an HTTP step
    created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX hook_step_hook ON hook_step (hook);
CREATE INDEX hook_step_community ON hook_step (community_id);
