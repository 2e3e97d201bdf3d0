-- Destroy a letter, and with it whom it names.
DELETE FROM dead_letter WHERE id = ?
