-- A constant, sealed with the key that the secrets of this database are sealed with: a key that does not open it is
-- another one. Written by the first start that has the key, read by each.
CREATE TABLE key_check (
    only       INTEGER PRIMARY KEY CHECK (only = 1),
    sealed     BLOB NOT NULL,
    written_by TEXT NOT NULL
) STRICT;
