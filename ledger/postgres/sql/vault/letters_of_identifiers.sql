-- The dead letters that name somebody by any of these identifiers.
SELECT digest, letter FROM dead_letter_identifier WHERE digest = ANY (%b::bytea[])
