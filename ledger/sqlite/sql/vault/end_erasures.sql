-- An erasure has ended.
DELETE FROM erasure WHERE event = ?
