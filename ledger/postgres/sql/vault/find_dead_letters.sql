-- The letters that these contents at their doors already are.
SELECT identity, id FROM dead_letter WHERE identity = ANY (%b::bytea[])
