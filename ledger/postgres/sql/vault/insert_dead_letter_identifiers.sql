-- Whom letters name; said twice is said once.
INSERT INTO dead_letter_identifier (digest, letter)
SELECT * FROM unnest(%b::bytea[], %b::bytea[])
ON CONFLICT DO NOTHING
