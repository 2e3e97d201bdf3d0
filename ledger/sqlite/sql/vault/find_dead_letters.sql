-- The letter that this content at this door already is.
SELECT identity, id FROM dead_letter WHERE identity = ?
