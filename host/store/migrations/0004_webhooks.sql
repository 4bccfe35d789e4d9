-- Requests of platforms that wait for their receivers.

-- A request, as long as an item refers to it. Written with its items.
CREATE TABLE webhook_request (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id  TEXT NOT NULL,
    method      TEXT NOT NULL,
    path        TEXT NOT NULL,
    query       TEXT NOT NULL,
    headers     TEXT NOT NULL, -- JSON list of pairs
    body        BLOB NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;

-- One receiver of a request: an instance (`receive`), or a process of it. Written in the commit of the
-- call that made it due, removed in the commit of the call that it is.
CREATE TABLE webhook_item (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id  INTEGER NOT NULL REFERENCES webhook_request (id),
    instance_id INTEGER NOT NULL,
    process_id  INTEGER NOT NULL, -- 0: the instance's receiver
    state       TEXT NOT NULL,    -- `waiting`, `dead`
    attempts    INTEGER NOT NULL,
    due_at      INTEGER NOT NULL, -- when dead: since when
    last_error  TEXT
) STRICT;
CREATE INDEX webhook_item_due ON webhook_item (state, due_at);
CREATE INDEX webhook_item_webhook ON webhook_item (webhook_id);
CREATE INDEX webhook_item_instance ON webhook_item (instance_id);
