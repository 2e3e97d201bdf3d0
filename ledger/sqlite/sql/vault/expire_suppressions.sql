-- Forget the suppressions that have had their time.
DELETE FROM suppression WHERE until <= ?
