-- Credentials of devices and products beside what their configuration says. `lookup` is the SHA-256 of
-- a token, the secureId of a key, or the hash of a certificate authority.
CREATE TABLE device_credential (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    product_id TEXT NOT NULL REFERENCES product (id) ON DELETE CASCADE,
    device_id TEXT REFERENCES device (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    lookup TEXT NOT NULL,
    secret TEXT NOT NULL,
    hint TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    creator_id TEXT NOT NULL,
    expires_at INTEGER
);
-- One token or key has one owner; several products may trust one authority.
CREATE UNIQUE INDEX device_credential_by_lookup
    ON device_credential (kind, lookup, (CASE WHEN kind = 'authority' THEN product_id ELSE '' END));
CREATE INDEX device_credential_of_product ON device_credential (product_id, created_at, id);
CREATE INDEX device_credential_of_device ON device_credential (device_id, created_at, id)
    WHERE device_id IS NOT NULL;

-- Attempts of upgrade records as hawkBit's clients know them: by a number of at most 31 bits.
CREATE TABLE ddi_action (
    number INTEGER PRIMARY KEY,
    record_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    task_id INTEGER NOT NULL REFERENCES upgrade_task (id) ON DELETE CASCADE,
    device_id TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    confirmed INTEGER NOT NULL,
    retrieved INTEGER NOT NULL,
    closed INTEGER NOT NULL,
    installed INTEGER NOT NULL,
    feedbacks INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (record_id, attempt)
);
CREATE INDEX ddi_action_of_task ON ddi_action (task_id);
CREATE INDEX ddi_action_open ON ddi_action (device_id, number) WHERE closed = 0;
CREATE INDEX ddi_action_of_device ON ddi_action (device_id, installed, number);
INSERT INTO sequence (name, value) VALUES ('ddi_action', 0);

CREATE TABLE ddi_target (
    device_id TEXT PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    attributes_wanted INTEGER NOT NULL,
    auto_confirm INTEGER NOT NULL,
    auto_confirm_initiator TEXT NOT NULL,
    auto_confirm_remark TEXT NOT NULL,
    auto_confirm_at INTEGER
);

-- What a device says of itself.
ALTER TABLE device ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';

-- hawkBit's clients compare SHA-1. '' in files from before; the program fills it in by and by.
ALTER TABLE stored_file ADD COLUMN sha1 TEXT NOT NULL DEFAULT '';
CREATE INDEX stored_file_without_sha1 ON stored_file (id) WHERE sha1 = '';

-- A firmware may have several artifacts; `position` is the order of installation behind its own.
ALTER TABLE firmware ADD COLUMN part TEXT NOT NULL DEFAULT 'os';
CREATE TABLE firmware_artifact (
    firmware_id TEXT NOT NULL REFERENCES firmware (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    file_id TEXT NOT NULL,
    part TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (firmware_id, position)
);
CREATE INDEX firmware_artifact_of_file ON firmware_artifact (file_id);

ALTER TABLE upgrade_task ADD COLUMN deployment TEXT NOT NULL DEFAULT 'forced';
ALTER TABLE upgrade_task ADD COLUMN confirmation_required INTEGER NOT NULL DEFAULT 0;

ALTER TABLE protocol_package ADD COLUMN script TEXT NOT NULL DEFAULT '';
ALTER TABLE protocol_package ADD COLUMN config_keys TEXT NOT NULL DEFAULT '[]';
