-- People, their accounts on platforms, and authorisations under way.

-- A person of a community. Written by the identity routes, and by commits that link an account of
-- nobody known. People who are merged have the same primary person, who is their own.
CREATE TABLE person (
    id           INTEGER PRIMARY KEY, -- random: `external_id`
    community_id INTEGER NOT NULL,    -- gone: the purge removes the person
    primary_id   INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    written_by   TEXT NOT NULL
) STRICT;
CREATE INDEX person_community ON person (community_id);
CREATE INDEX person_primary ON person (community_id, id) WHERE primary_id = id;
CREATE INDEX person_merged ON person (primary_id);

-- An account on a platform, of one person. Written as people are.
CREATE TABLE linked_account (
    community_id          INTEGER NOT NULL,
    platform_type         TEXT NOT NULL, -- a plugin's name
    platform_identifier   TEXT NOT NULL, -- the account's name there
    community_platform_id TEXT NOT NULL, -- empty: none
    person_id             INTEGER NOT NULL,
    custom_data           TEXT,          -- JSON
    link_type             TEXT NOT NULL, -- `oauth`, `manual admin`, `email matching`, `unknown`
    link_quality          TEXT NOT NULL, -- `unknown`, `unconfirmed`, `confirmed (weak)`, `confirmed (strong)`
    written_at            INTEGER NOT NULL,
    written_by            TEXT NOT NULL,
    PRIMARY KEY (community_id, platform_type, platform_identifier, community_platform_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX linked_account_person ON linked_account (person_id);

-- Authorisations that have begun: tickets that let a browser begin one, and states with which it comes
-- back from the platform. A row is used up by whoever takes it, once.
CREATE TABLE oauth_state (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- ascending: only so many below the last one are kept
    hash         BLOB NOT NULL UNIQUE, -- SHA-256 of the secret that is handed out
    kind         TEXT NOT NULL,        -- `ticket`, `state`
    plugin       TEXT NOT NULL,
    browser_hash BLOB NOT NULL,        -- of a state: SHA-256 of the cookie's value; of a ticket: empty
    request      TEXT NOT NULL,        -- JSON: what was asked for
    verifier     BLOB,                 -- of a state with PKCE: sealed
    expires_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_state_expires ON oauth_state (expires_at);
