-- Whom a letter names, as digests.
SELECT digest FROM dead_letter_identifier WHERE letter = %b
