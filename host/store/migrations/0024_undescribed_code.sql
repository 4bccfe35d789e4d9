-- Native code is remembered as soon as it is compiled, and its manifest once `describe` has answered: code whose plugin
-- does not link or describe itself is not compiled again.
CREATE TABLE compiled_code (
    digest        TEXT NOT NULL, -- SHA-256 of the .wasm file
    compatibility TEXT NOT NULL, -- of the engine that compiled it
    code_hash     TEXT NOT NULL, -- SHA-256 of the native code; code that differs is not loaded
    manifest      TEXT,          -- what `describe` answered; absent before that
    written_at    INTEGER NOT NULL,
    PRIMARY KEY (digest, compatibility)
) STRICT, WITHOUT ROWID;

INSERT INTO compiled_code (digest, compatibility, code_hash, manifest, written_at)
SELECT digest, compatibility, code_hash, manifest, written_at FROM compiled;

DROP TABLE compiled;
ALTER TABLE compiled_code RENAME TO compiled;
