-- The first schema. Text that every engine reads: INTEGER is 64 bits wide, flags are 0 or 1, times are
-- milliseconds since 1970 UTC, names of enum values and JSON are text.

CREATE TABLE sequence (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
);
INSERT INTO sequence (name, value) VALUES ('device', 0);

CREATE TABLE protocol_package (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    type TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    configuration TEXT NOT NULL,
    transports TEXT NOT NULL,
    creator_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE product (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    device_type TEXT NOT NULL,
    protocol_id TEXT NOT NULL,
    transport_protocol TEXT NOT NULL,
    access_id TEXT NOT NULL,
    access_provider TEXT NOT NULL,
    access_name TEXT NOT NULL,
    store_policy TEXT NOT NULL,
    configuration TEXT NOT NULL,
    metadata TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    creator_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

-- `seq` is the order of creation and never used twice: the frozen selection of a task names devices by it.
CREATE TABLE device (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    product_id TEXT NOT NULL,
    device_type TEXT NOT NULL,
    parent_id TEXT,
    description TEXT NOT NULL,
    configuration TEXT NOT NULL,
    tags TEXT NOT NULL,
    state TEXT NOT NULL,
    address TEXT NOT NULL,
    online_at INTEGER,
    offline_at INTEGER,
    registered_at INTEGER,
    firmware_version TEXT,
    firmware_version_order INTEGER,
    firmware_properties TEXT,
    firmware_updated_at INTEGER,
    creator_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX device_of_product ON device (product_id, seq);
CREATE INDEX device_of_gateway ON device (parent_id, seq) WHERE parent_id IS NOT NULL;

CREATE TABLE device_tag (
    device_id TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (device_id, tag)
);
CREATE INDEX device_tag_value ON device_tag (tag, value);

CREATE TABLE firmware (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    product_id TEXT NOT NULL,
    product_name TEXT NOT NULL,
    version TEXT NOT NULL,
    version_order INTEGER NOT NULL,
    sign_method TEXT NOT NULL,
    sign TEXT NOT NULL,
    url TEXT NOT NULL,
    file_id TEXT,
    size_bytes INTEGER NOT NULL,
    properties TEXT NOT NULL,
    description TEXT NOT NULL,
    creator_id TEXT NOT NULL,
    creator_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (product_id, version_order),
    UNIQUE (product_id, version)
);
CREATE INDEX firmware_of_file ON firmware (file_id) WHERE file_id IS NOT NULL;

CREATE TABLE upgrade_task (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    product_id TEXT NOT NULL,
    product_name TEXT NOT NULL,
    firmware_id TEXT NOT NULL,
    target_version TEXT NOT NULL,
    version_order INTEGER NOT NULL,
    mode TEXT NOT NULL,
    response_timeout_ms INTEGER NOT NULL,
    upgrade_timeout_ms INTEGER NOT NULL,
    release_type TEXT NOT NULL,
    devices TEXT NOT NULL,
    terms TEXT NOT NULL,
    description TEXT NOT NULL,
    stopped INTEGER NOT NULL,
    forced INTEGER NOT NULL,
    rate_per_second INTEGER,
    max_concurrent INTEGER,
    planned_total INTEGER NOT NULL,
    creator_id TEXT NOT NULL,
    creator_name TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX upgrade_task_of_firmware ON upgrade_task (firmware_id, id);

-- Records by state, kept with the records in the same transaction. Apart from the task, because these
-- few bytes are rewritten with every change of a record's state.
CREATE TABLE task_counter (
    task_id INTEGER PRIMARY KEY REFERENCES upgrade_task (id) ON DELETE CASCADE,
    waiting INTEGER NOT NULL,
    processing INTEGER NOT NULL,
    success INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    canceled INTEGER NOT NULL
);

-- A task whose records are not all made yet: all devices of the product up to `boundary_seq`, or
-- those in task_selection; made up to `cursor_seq`; `remaining` are counted but not made.
CREATE TABLE task_expansion (
    task_id INTEGER PRIMARY KEY REFERENCES upgrade_task (id) ON DELETE CASCADE,
    chosen INTEGER NOT NULL,
    boundary_seq INTEGER NOT NULL,
    cursor_seq INTEGER NOT NULL,
    remaining INTEGER NOT NULL
);
CREATE TABLE task_selection (
    task_id INTEGER NOT NULL REFERENCES upgrade_task (id) ON DELETE CASCADE,
    device_seq INTEGER NOT NULL,
    PRIMARY KEY (task_id, device_seq)
);

-- What all records of a task have in common (product, firmware, version, mode, time-outs) is the
-- task's. Progress is in no index: it is what devices change most.
CREATE TABLE upgrade_record (
    id INTEGER PRIMARY KEY,
    task_id INTEGER NOT NULL,
    device_id TEXT NOT NULL,
    device_name TEXT NOT NULL,
    state TEXT NOT NULL,
    progress INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    forced INTEGER NOT NULL,
    acked INTEGER NOT NULL,
    resent INTEGER NOT NULL,
    revived INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    server_id TEXT NOT NULL,
    error_reason TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    upgrade_at INTEGER,
    completed_at INTEGER,
    response_deadline INTEGER,
    upgrade_deadline INTEGER,
    next_deadline INTEGER
);
CREATE INDEX upgrade_record_of_task ON upgrade_record (task_id, id);
CREATE INDEX upgrade_record_of_task_in_state ON upgrade_record (task_id, state, id);
CREATE INDEX upgrade_record_of_device ON upgrade_record (device_id, id);
CREATE INDEX upgrade_record_waiting ON upgrade_record (task_id, device_id) WHERE state = 'waiting';
CREATE INDEX upgrade_record_due ON upgrade_record (next_deadline, id) WHERE state = 'processing';

CREATE TABLE stored_file (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    extension TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    access_key TEXT NOT NULL,
    public_access INTEGER NOT NULL,
    temporary INTEGER NOT NULL,
    creator_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX stored_file_of_artifact ON stored_file (sha256);
CREATE INDEX stored_file_by_age ON stored_file (created_at, id);

CREATE TABLE app_user (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    email TEXT NOT NULL,
    telephone TEXT NOT NULL,
    avatar TEXT NOT NULL,
    description TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    roles TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE role (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    grants TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE token (
    token_sha256 TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    idle_timeout_ms INTEGER,
    last_used_at INTEGER NOT NULL
);
CREATE INDEX token_of_user ON token (user_id);

CREATE TABLE user_setting (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    type TEXT NOT NULL,
    setting_key TEXT NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, type, setting_key)
);

CREATE TABLE system_setting (
    scope TEXT PRIMARY KEY,
    properties TEXT NOT NULL
);

CREATE TABLE device_log (
    id INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL,
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    content TEXT NOT NULL,
    record_id INTEGER
);
CREATE INDEX device_log_of_device ON device_log (device_id, id);
CREATE INDEX device_log_of_record ON device_log (record_id, id) WHERE record_id IS NOT NULL;
