-- How many authorisations a ticket has begun; 0 of a state. Written as each begins. A ticket is deleted by the
-- first that completes, or once none of those that it began can come back any more.
ALTER TABLE oauth_state ADD COLUMN flows INTEGER NOT NULL DEFAULT 0;
