-- Deliveries get their rows after their events, many in one write: what was delivered meanwhile is written once.

-- To which endpoints an event goes, as their rows with a comma in between; null: to none, or its deliveries
-- were written with it.
ALTER TABLE event ADD COLUMN endpoints TEXT;

-- The one row: up to which position each delivery of each event has its row.
CREATE TABLE fan_out (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    position INTEGER NOT NULL
) STRICT;
INSERT INTO fan_out (id, position)
VALUES (1, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0));

-- The attempt of a delivery that succeeded at once, which has no row of its own.
ALTER TABLE delivery ADD COLUMN started_at INTEGER;
ALTER TABLE delivery ADD COLUMN duration_ms INTEGER;
ALTER TABLE delivery ADD COLUMN status INTEGER;
ALTER TABLE delivery ADD COLUMN detail TEXT;
ALTER TABLE delivery ADD COLUMN response BLOB;

-- Finds what waits by its event: which events are needed, and the row of a delivery that was sent before it had one.
CREATE INDEX delivery_held ON delivery (event_position, endpoint_id) WHERE state = 'waiting';
