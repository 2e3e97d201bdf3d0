-- A name under a new epoch.
UPDATE staff SET epoch = ?, wrapped = ? WHERE id = ?
