-- Machine tokens: who made them, what they may do, and the SHA-256 of what their machines send.
CREATE TABLE api_token (
    id TEXT PRIMARY KEY,
    token_sha256 TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER
);
CREATE INDEX api_token_of_user ON api_token (user_id, created_at, id);
