-- These identifiers name nobody any longer.
DELETE FROM identifier WHERE digest = ANY (%b::bytea[])
