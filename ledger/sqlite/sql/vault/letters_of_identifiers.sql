-- The dead letters that name somebody by this identifier.
SELECT digest, letter FROM dead_letter_identifier WHERE digest = ?
