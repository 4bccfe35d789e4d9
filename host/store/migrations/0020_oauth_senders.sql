-- Who began an authorisation: an API key, an address, or this machine. Each has only so many of those that may be under
-- way, so that nobody's end by what another begins.
ALTER TABLE oauth_state ADD COLUMN sender TEXT NOT NULL DEFAULT '';
CREATE INDEX oauth_state_sender ON oauth_state (sender, id);
