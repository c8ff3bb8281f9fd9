-- What a page of a task's records is found by, at a million of them.

-- Ids and names of the devices of a task's records, which never change, packed into rows of some
-- hundred records: a search by a part of a text reads these few rows and not a million
-- (storage/sql/record_texts.hpp has the format). Tasks from before are filled in by the program right
-- behind this script.
CREATE TABLE record_text (
    task_id INTEGER NOT NULL REFERENCES upgrade_task (id) ON DELETE CASCADE,
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    records INTEGER NOT NULL,
    lengths TEXT NOT NULL,
    device_ids TEXT NOT NULL,
    device_names TEXT NOT NULL,
    PRIMARY KEY (task_id, first_id)
);
-- Records that were removed one by one: their texts are still packed.
CREATE TABLE record_text_gone (
    task_id INTEGER NOT NULL REFERENCES upgrade_task (id) ON DELETE CASCADE,
    record_id INTEGER NOT NULL,
    PRIMARY KEY (task_id, record_id)
);

-- Every index below is partial, and a record that was just made is in none of them: they cost when a
-- record is sent or ends, not when a million are made. Those of a column that is NULL or 0 at first
-- come with the rare rows that no other range has in order (storage/sql/table.cpp, `ranges`). No lists
-- (IN): SQLite would build one for each record that it makes.
CREATE INDEX upgrade_record_completed ON upgrade_record (task_id, completed_at, id)
    WHERE completed_at IS NOT NULL;
CREATE INDEX upgrade_record_completed_in_state ON upgrade_record (task_id, state, completed_at, id)
    WHERE completed_at IS NOT NULL;
CREATE INDEX upgrade_record_ended_without_time ON upgrade_record (task_id, id)
    WHERE completed_at IS NULL AND state != 'waiting' AND state != 'processing';
CREATE INDEX upgrade_record_upgraded ON upgrade_record (task_id, upgrade_at, id)
    WHERE upgrade_at IS NOT NULL;
CREATE INDEX upgrade_record_never_sent ON upgrade_record (task_id, id)
    WHERE upgrade_at IS NULL AND state != 'waiting';
-- Not the processing ones: their progress changes with every report.
CREATE INDEX upgrade_record_by_progress ON upgrade_record (task_id, progress, id)
    WHERE state != 'processing' AND (progress != 0 OR state != 'waiting');
CREATE INDEX upgrade_record_with_reason ON upgrade_record (task_id, id, error_reason)
    WHERE error_reason != '';
