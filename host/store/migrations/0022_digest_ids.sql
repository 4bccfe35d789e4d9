-- The columns that identify a plugin file (8 bytes of its digest) are named like the type of their values. Who writes them
-- stays as it was.
ALTER TABLE instance RENAME COLUMN plugin_mark TO plugin_digest_id;
ALTER TABLE worker RENAME COLUMN asked_mark TO asked_digest_id;
