-- The actor id of a name.
SELECT id FROM staff WHERE digest = %b
