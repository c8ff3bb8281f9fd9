-- What operators did, chained by hash (docs/operating/audit.md). Entries are only ever added behind
-- the head and pruned from the front.
CREATE TABLE audit_entry (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    username TEXT NOT NULL,
    via TEXT NOT NULL,
    token_name TEXT NOT NULL,
    address TEXT NOT NULL,
    proxy TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    action TEXT NOT NULL,
    object_type TEXT NOT NULL,
    object_id TEXT NOT NULL,
    object_name TEXT NOT NULL,
    outcome TEXT NOT NULL,
    error_code TEXT NOT NULL,
    before_json TEXT NOT NULL,
    after_json TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_entry_by_time ON audit_entry (at, seq);
CREATE INDEX audit_entry_by_user ON audit_entry (username, seq);
CREATE INDEX audit_entry_by_action ON audit_entry (action, seq);
CREATE INDEX audit_entry_by_object ON audit_entry (object_type, object_id, seq);

-- One row: the last entry, and the last one that was pruned. Whoever adds an entry locks it first.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    anchor_seq INTEGER NOT NULL,
    anchor_hash TEXT NOT NULL
);
INSERT INTO audit_head (id, seq, hash, anchor_seq, anchor_hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000',
        0, '0000000000000000000000000000000000000000000000000000000000000000');
