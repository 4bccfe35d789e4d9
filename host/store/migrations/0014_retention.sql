-- What is kept for as long as somebody needs it, and no longer.

-- The last event of a key: a key of which no event is kept is removed by the purge.
ALTER TABLE event_key ADD COLUMN last_position INTEGER NOT NULL DEFAULT 0;
UPDATE event_key SET last_position = latest.position
FROM (SELECT key_id, max(position) AS position FROM event GROUP BY key_id) AS latest
WHERE latest.key_id = event_key.id;

-- Why the pending processes of a removed instance are completed, where one write could not complete them
-- all; null: there are none. Written when the instance is removed, cleared when the last one is completed.
ALTER TABLE purge ADD COLUMN code TEXT;

-- How a deleted community was called, for the last notifications of its processes.
ALTER TABLE purge_community ADD COLUMN slug TEXT NOT NULL DEFAULT '';
