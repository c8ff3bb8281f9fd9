-- Failed records are counted by what their reasons have in common. `error_group` is NULL unless the
-- record failed; the partial indexes stay as small as the failures are few. Rows that failed before
-- are filled in by the program right behind this script (storage/sql/failure_groups.cpp).

ALTER TABLE upgrade_record ADD COLUMN error_group TEXT;
CREATE INDEX upgrade_record_of_error_group ON upgrade_record (task_id, error_group, id)
    WHERE error_group IS NOT NULL;

-- Kept with the records in the same transaction, as task_counter is.
CREATE TABLE task_failure (
    task_id INTEGER NOT NULL REFERENCES upgrade_task (id) ON DELETE CASCADE,
    error_group TEXT NOT NULL,
    sample TEXT NOT NULL,
    records INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (task_id, error_group)
);
CREATE INDEX task_failure_most ON task_failure (task_id, records);
