-- Until somebody says otherwise, copies of what was removed may be left.
INSERT OR IGNORE INTO redacting
SELECT position FROM event WHERE position = :position AND (body IS NULL OR personal IS NULL)
