-- Governance processes, and everything that happens at a time.

-- A process. Written by the commit of a call about it. Outlives its instance, not its community.
CREATE TABLE process (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again
    public_id    TEXT NOT NULL UNIQUE,              -- a ULID that cannot be guessed
    community_id INTEGER NOT NULL, -- gone: the purge removes the process
    instance_id  INTEGER NOT NULL,
    plugin       TEXT NOT NULL,
    name         TEXT NOT NULL,    -- of its type
    status       TEXT NOT NULL,    -- `created`, `pending`, `completed`
    outcome      TEXT NOT NULL,    -- JSON
    errors       TEXT NOT NULL,    -- JSON
    url          TEXT,
    callback_url TEXT,
    closing_at   INTEGER,
    state_bytes  INTEGER NOT NULL, -- of its own state, keys and values
    created_at   INTEGER NOT NULL,
    completed_at INTEGER,
    written_by   TEXT NOT NULL
) STRICT;
CREATE INDEX process_pending ON process (instance_id, id) WHERE status <> 'completed';
CREATE INDEX process_community ON process (community_id, id);

-- Key-value state of a process. Written by the commit of a call about it.
CREATE TABLE process_state (
    process_id INTEGER NOT NULL,
    key        TEXT NOT NULL,
    value      TEXT NOT NULL, -- JSON
    PRIMARY KEY (process_id, key)
) STRICT, WITHOUT ROWID;

-- What is due when: ticks of producers, updates and closing times of processes. The commit of a tick
-- advances it. Written with the instance or process that it belongs to.
CREATE TABLE schedule (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id INTEGER NOT NULL,
    process_id  INTEGER NOT NULL, -- 0: of the instance itself
    kind        TEXT NOT NULL,    -- `producer`, `update`, `closing`
    due_at      INTEGER NOT NULL,
    last_at     INTEGER,          -- when it was tried last
    failures    INTEGER NOT NULL, -- one after the other
    last_error  TEXT,
    UNIQUE (instance_id, process_id, kind)
) STRICT;
CREATE INDEX schedule_due ON schedule (due_at);

-- Communities whose processes and people are still to be removed. Written when a community is deleted,
-- cleared by the purge.
CREATE TABLE purge_community (
    community_id INTEGER PRIMARY KEY
) STRICT;
