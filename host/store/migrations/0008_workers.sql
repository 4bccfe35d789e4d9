-- Workers: who consumes events, how far each is, and what it could not handle yet.

-- A worker of an instance. Written when its plugin is enabled or its plugin file changes, and by the
-- commit of what it handles.
CREATE TABLE worker (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id      INTEGER NOT NULL,
    community_id     INTEGER NOT NULL, -- whose events it handles; 0: all
    name             TEXT NOT NULL,
    cursor           INTEGER NOT NULL, -- position of the last event that it has nothing more to do with
    enabled          INTEGER NOT NULL, -- what the plugin says, for the file and generation below
    asked_mark       INTEGER NOT NULL, -- 0: not asked yet
    asked_generation INTEGER NOT NULL,
    wants_change     INTEGER NOT NULL, -- it names `api.change`
    wants_sending    INTEGER NOT NULL, -- it names `sending_event`
    crashes          INTEGER NOT NULL, -- ends of the process while the next event may have been handled
    trying           INTEGER NOT NULL, -- the next event is being handled alone
    UNIQUE (instance_id, name)
) STRICT;
CREATE INDEX worker_change ON worker (community_id) WHERE wants_change AND enabled;
CREATE INDEX worker_sending ON worker (community_id) WHERE wants_sending AND enabled;
CREATE INDEX worker_unasked ON worker (id) WHERE asked_mark = 0;
CREATE INDEX worker_cursor ON worker (cursor) WHERE enabled;

-- Events that a worker's cursor has passed and that are not handled: to be tried again, held back by an
-- earlier one of their key, or dead letters. Written by the commit that moves the cursor.
CREATE TABLE worker_event (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    worker_id  INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    key_id     INTEGER NOT NULL,
    state      TEXT NOT NULL, -- `waiting`, `dead`
    attempts   INTEGER NOT NULL,
    crashes    INTEGER NOT NULL,
    trying     INTEGER NOT NULL,
    due_at     INTEGER,       -- of a dead letter: since when; null: behind another of its key
    last_error TEXT
) STRICT;
CREATE INDEX worker_event_due ON worker_event (worker_id, due_at) WHERE state = 'waiting' AND due_at IS NOT NULL;
CREATE INDEX worker_event_worker ON worker_event (worker_id, state, key_id, position);
CREATE INDEX worker_event_position ON worker_event (position);
CREATE INDEX worker_event_dead ON worker_event (due_at) WHERE state = 'dead';

-- Whether the process before this one ended in order. Written at start and at the end.
CREATE TABLE stop (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    clean INTEGER NOT NULL
) STRICT;
INSERT INTO stop (id, clean) VALUES (1, 1);
