-- Responses that are given again for the same `Idempotency-Key`. Written in the commit of the call that
-- they answer, removed a day later.
CREATE TABLE idempotent_response (
    scope       TEXT PRIMARY KEY,  -- the API key's id and the header's value
    fingerprint BLOB NOT NULL,     -- SHA-256 of what was asked for
    status      INTEGER NOT NULL,
    headers     TEXT NOT NULL,     -- JSON list of pairs
    body        BLOB NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotent_response_expires ON idempotent_response (expires_at);
