-- The archive, policyd.db: what is not in memory is looked up here.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

-- One row per key: the keyed hash of a triplet, or of a client alone (its record of the auto-whitelist).
-- Narrow, because every merge and every look-up pays for its width. Times are seconds since the epoch.
CREATE TABLE entries (
    key        INTEGER PRIMARY KEY,
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    passes     INTEGER NOT NULL,
    counted    INTEGER NOT NULL
);

-- Whose key it is, for people. Only appended to; invalid UTF-8 is kept as it came.
CREATE TABLE names (
    id        INTEGER PRIMARY KEY,
    key       INTEGER NOT NULL,
    client    TEXT NOT NULL,
    sender    TEXT NOT NULL,
    recipient TEXT NOT NULL
);

INSERT INTO meta (name, value) VALUES ('entries', 0), ('merged', 0), ('checked', 0), ('clean', 1);
