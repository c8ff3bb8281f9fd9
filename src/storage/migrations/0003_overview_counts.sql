-- What an overview shows is counted as it changes, in the same transaction: a million devices are too
-- many to count on each look.

-- Devices by product, state and the version that they last said; '' while it is not known.
CREATE TABLE device_count (
    product_id TEXT NOT NULL,
    firmware_version TEXT NOT NULL,
    state TEXT NOT NULL,
    devices INTEGER NOT NULL,
    PRIMARY KEY (product_id, firmware_version, state)
);
INSERT INTO device_count (product_id, firmware_version, state, devices)
SELECT product_id, coalesce(firmware_version, ''), state, count(*) FROM device GROUP BY 1, 2, 3;

-- Records that came to an end, by the quarter of an hour: every time zone's day is made of these.
-- They outlive their tasks, and a retried record counts once for each end.
CREATE TABLE ended_count (
    quarter_at INTEGER PRIMARY KEY,
    success INTEGER NOT NULL,
    failed INTEGER NOT NULL
);
INSERT INTO ended_count (quarter_at, success, failed)
SELECT completed_at / 900000 * 900000, count(CASE WHEN state = 'success' THEN 1 END),
       count(CASE WHEN state = 'failed' THEN 1 END)
  FROM upgrade_record WHERE completed_at IS NOT NULL AND state IN ('success', 'failed') GROUP BY 1;
