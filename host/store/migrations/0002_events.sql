-- Events, the endpoints that receive them, and their deliveries.

-- What orders events: one row for each source of a community, and for each process's notifications.
-- Written with each event. Keyed by the community's id, so that a rename resets nothing.
CREATE TABLE event_key (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    community_id INTEGER NOT NULL, -- 0: of no community
    source       TEXT NOT NULL,    -- a plugin, `driver`, or `process/<id>`
    last_seq     INTEGER NOT NULL,
    UNIQUE (community_id, source)
) STRICT;

-- Immutable facts, in the order in which they were committed. Written by the commit of a call.
CREATE TABLE event (
    position     INTEGER PRIMARY KEY AUTOINCREMENT, -- the one cursor
    id           TEXT NOT NULL UNIQUE,              -- `evt_` and a ULID
    key_id       INTEGER NOT NULL,
    seq          INTEGER NOT NULL,                  -- rises by one within its key
    community_id INTEGER NOT NULL,                  -- 0: of no community
    community    TEXT NOT NULL,                     -- the slug at that time
    source       TEXT NOT NULL,
    event_type   TEXT NOT NULL,
    time         INTEGER NOT NULL,
    data         TEXT NOT NULL,                     -- JSON
    initiator    TEXT,                              -- JSON
    dedupe_key   TEXT,
    origin_kind  TEXT NOT NULL,                     -- of the call: `action`, `webhook`, …
    instance_id  INTEGER,
    request_id   TEXT NOT NULL,
    listed       INTEGER NOT NULL                   -- 0: a process's notification, for its callback alone
) STRICT;
CREATE INDEX event_community ON event (community_id, position);

-- Dedupe keys of the last 24 hours. Written with their event.
CREATE TABLE event_dedupe (
    scope      TEXT NOT NULL, -- `instance/<id>`, or `published/<community id>/<source>`
    dedupe_key TEXT NOT NULL,
    event_id   TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (scope, dedupe_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_dedupe_expires ON event_dedupe (expires_at);

-- URLs that subscribe to events. Written by drivers and the operator, and by a process with a
-- `callback_url`, which makes a row of its own kind for each URL. One that was deleted stays, without
-- its secrets, until its deliveries are gone.
CREATE TABLE endpoint (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id        TEXT NOT NULL UNIQUE, -- `driver`, or `ep_` and a ULID
    kind             TEXT NOT NULL,        -- `driver`, `endpoint`, `callback`, `deleted`
    url              TEXT NOT NULL,        -- empty: nowhere to send to (`driver` without a URL)
    url_by           TEXT NOT NULL,        -- `environment` (set at start) or `api`
    description      TEXT NOT NULL,
    community_id     INTEGER NOT NULL,     -- 0: all (`*`)
    event_types      TEXT NOT NULL,        -- JSON list of patterns
    format           TEXT NOT NULL,        -- `metagov`, `standard`, `openedx`
    form             INTEGER NOT NULL,     -- `use_www_form_encoding`
    headers          BLOB NOT NULL,        -- sealed JSON object
    ordering         TEXT NOT NULL,        -- `fifo`, `unordered`
    timeout_ms       INTEGER NOT NULL,
    enabled          INTEGER NOT NULL,
    disabled_reason  TEXT,                 -- why the host disabled it
    secret           BLOB NOT NULL,        -- sealed
    old_secret       BLOB,                 -- sealed; signs as well until `old_secret_until`
    old_secret_until INTEGER,
    created_at       INTEGER NOT NULL,
    written_by       TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX endpoint_callback ON endpoint (url) WHERE kind = 'callback';
CREATE INDEX endpoint_subscribed ON endpoint (community_id, id) WHERE kind IN ('driver', 'endpoint');
CREATE INDEX endpoint_left ON endpoint (id) WHERE kind IN ('callback', 'deleted');
CREATE INDEX endpoint_deleted ON endpoint (id) WHERE kind = 'deleted';

-- One event on its way to one endpoint. Written with the event; changed by attempts.
-- A lane is what is delivered one after the other: an endpoint and a key. Only the head of a lane has
-- a due time, so that what is due is found without looking at what waits behind it.
CREATE TABLE delivery (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint_id    INTEGER NOT NULL,
    event_position INTEGER NOT NULL,
    key_id         INTEGER NOT NULL, -- of the event
    community_id   INTEGER NOT NULL, -- of the event
    state          TEXT NOT NULL,    -- `waiting`, `delivered`, `dead`, `cancelled`
    attempts       INTEGER NOT NULL, -- that were made, in all
    resent_after   INTEGER NOT NULL, -- attempts that were made before it was last sent again by hand
    due_at         INTEGER,          -- null: behind another of its lane
    expires_at     INTEGER NOT NULL, -- dead from then on
    finished_at    INTEGER
) STRICT;
CREATE INDEX delivery_lane ON delivery (endpoint_id, key_id, id) WHERE state = 'waiting';
CREATE INDEX delivery_due ON delivery (endpoint_id, due_at, id) WHERE state = 'waiting' AND due_at IS NOT NULL;
CREATE INDEX delivery_expires ON delivery (expires_at) WHERE state = 'waiting';
CREATE INDEX delivery_held ON delivery (event_position) WHERE state = 'waiting';
CREATE INDEX delivery_finished ON delivery (state, finished_at) WHERE state <> 'waiting';
CREATE INDEX delivery_endpoint ON delivery (endpoint_id, state, id);
CREATE INDEX delivery_state ON delivery (state, id);
CREATE INDEX delivery_community ON delivery (community_id, id);

-- One try of a delivery. Written when it has ended.
CREATE TABLE delivery_attempt (
    delivery_id INTEGER NOT NULL,
    attempt     INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    status      INTEGER,          -- of the response, if there was one
    error       TEXT,             -- class of the failure
    detail      TEXT,             -- one sentence
    response    BLOB,             -- its first 16 KiB
    PRIMARY KEY (delivery_id, attempt)
) STRICT, WITHOUT ROWID;
