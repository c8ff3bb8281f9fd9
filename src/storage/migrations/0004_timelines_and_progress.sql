-- What became of a record stands in the line of the message that brought it about; a line of its own
-- (type recordState) is written only where no message did. NULL in lines that concern no record.
ALTER TABLE device_log ADD COLUMN state TEXT;
ALTER TABLE device_log ADD COLUMN attempt INTEGER;
ALTER TABLE device_log ADD COLUMN progress INTEGER;
ALTER TABLE device_log ADD COLUMN reason TEXT;

-- Timelines are paged by time. Presence is logged a moment after it happened, so that the order of
-- ids is not quite that of time.
DROP INDEX device_log_of_device;
CREATE INDEX device_log_of_device ON device_log (device_id, at, id);

-- The counters of a task over time (domain/task_progress.hpp). `changed`: since the last point.
CREATE TABLE task_progress (
    task_id INTEGER NOT NULL REFERENCES upgrade_task (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    processing INTEGER NOT NULL,
    success INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    canceled INTEGER NOT NULL,
    PRIMARY KEY (task_id, at)
);
ALTER TABLE upgrade_task ADD COLUMN progress_interval_ms INTEGER NOT NULL DEFAULT 2000;
ALTER TABLE task_counter ADD COLUMN changed INTEGER NOT NULL DEFAULT 1;

-- Tasks from before begin with all devices waiting; those that have ended, at their last record.
INSERT INTO task_progress (task_id, at, waiting, processing, success, failed, canceled)
    SELECT t.id, t.created_at, c.waiting + c.processing + c.success + c.failed + c.canceled, 0, 0, 0, 0
      FROM upgrade_task t JOIN task_counter c ON c.task_id = t.id;
INSERT INTO task_progress (task_id, at, waiting, processing, success, failed, canceled)
    SELECT c.task_id, max(r.completed_at), c.waiting, c.processing, c.success, c.failed, c.canceled
      FROM task_counter c JOIN upgrade_task t ON t.id = c.task_id
      JOIN upgrade_record r ON r.task_id = c.task_id
     WHERE c.waiting + c.processing = 0 AND r.completed_at > t.created_at
     GROUP BY c.task_id, c.waiting, c.processing, c.success, c.failed, c.canceled;
