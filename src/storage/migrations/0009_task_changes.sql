-- Bulk changes of a task's records that were acknowledged and are not done yet. `states` holds names of
-- record states, separated by commas.
CREATE TABLE task_change (
    id INTEGER PRIMARY KEY,
    task_id INTEGER NOT NULL REFERENCES upgrade_task (id) ON DELETE CASCADE,
    stops INTEGER NOT NULL,
    states TEXT NOT NULL,
    after_record_id INTEGER NOT NULL
);
CREATE INDEX task_change_of_task ON task_change (task_id);
