-- A link under a new epoch.
UPDATE identifier SET epoch = ?, wrapped = ?, owner = ? WHERE digest = ?
