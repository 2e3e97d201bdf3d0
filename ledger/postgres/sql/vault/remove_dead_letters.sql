-- Destroy letters, and with them whom they name.
DELETE FROM dead_letter WHERE id = ANY (%b::bytea[])
