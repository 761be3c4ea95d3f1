-- A segment of the journal, policyd.db.journal-NNNNNN: only ever appended to.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

-- The whole state of an entry after one observation; the last row of a key counts.
-- triplet: client LF sender LF recipient, the bytes that were hashed (or their hashes: privacy).
CREATE TABLE rows (
    id         INTEGER PRIMARY KEY,
    key        INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    passes     INTEGER NOT NULL,
    counted    INTEGER NOT NULL,
    triplet    BLOB NOT NULL
);
