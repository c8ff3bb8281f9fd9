-- Ids of the keys that values are sealed with (docs/internals/storage.md), never the keys themselves.
CREATE TABLE secret_key (
    id TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL
);

-- What the program is sealing, step by step when it opens the database; empty once it is done. Of a
-- table: the id up to which its rows are sealed. `key`: the id of the key. `space`: 'needed' when what
-- was replaced is to be wiped from free pages.
CREATE TABLE sealing (
    target TEXT PRIMARY KEY,
    position TEXT NOT NULL
);
