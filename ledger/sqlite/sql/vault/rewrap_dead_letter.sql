-- A letter's key under a new epoch.
UPDATE dead_letter SET epoch = ?, wrapped = ? WHERE id = ?
