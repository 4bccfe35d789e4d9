-- Every secret that was replaced signs until its own time, however often it is replaced meanwhile.

-- Secrets that endpoints had before the one in their row. Written by a rotation; wiped by the purge once `until` has
-- passed, and with the endpoint.
CREATE TABLE endpoint_old_secret (
    endpoint_id INTEGER NOT NULL,
    sealed      BLOB NOT NULL,
    until       INTEGER NOT NULL -- signs as well until then
) STRICT;
CREATE INDEX endpoint_old_secret_endpoint ON endpoint_old_secret (endpoint_id, until);
CREATE INDEX endpoint_old_secret_until ON endpoint_old_secret (until);
INSERT INTO endpoint_old_secret (endpoint_id, sealed, until)
    SELECT id, old_secret, old_secret_until FROM endpoint WHERE old_secret IS NOT NULL AND old_secret_until IS NOT NULL;

-- `endpoint.old_secret_until` is the latest of them from now on.
ALTER TABLE endpoint DROP COLUMN old_secret;
