-- What passed between guests and the host in calls that were recorded, so that they can be run again. The host writes a row
-- after the call, in a write of its own, and the purge removes it; nothing changes it.
CREATE TABLE recording (
    -- Its place in the list: rises with each.
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The call's id, as in `failed_call`.
    id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    -- Of the instance; 0 if the call concerned none.
    instance_id INTEGER NOT NULL,
    community TEXT NOT NULL,
    plugin TEXT NOT NULL,
    version TEXT NOT NULL,
    -- SHA-256 of the plugin's file, in hex.
    digest TEXT NOT NULL,
    origin TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The code of its failure; NULL if it succeeded.
    code TEXT,
    -- Why it cannot be run again; NULL if it can.
    not_replayable TEXT,
    -- Milliseconds since the Unix epoch.
    started_at INTEGER NOT NULL,
    -- JSON (`moothall_values::recording::Recording`), without values of secrets.
    content TEXT NOT NULL
) STRICT;
CREATE INDEX recording_id ON recording (id);
CREATE INDEX recording_request ON recording (request_id);
CREATE INDEX recording_plugin ON recording (plugin, position);
CREATE INDEX recording_instance ON recording (instance_id);
CREATE INDEX recording_started ON recording (started_at);
