-- One secret of a key is over.
DELETE FROM api_key WHERE digest = ?
