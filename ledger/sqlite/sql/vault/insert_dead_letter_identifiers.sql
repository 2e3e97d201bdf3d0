-- Whom a letter names; said twice is said once.
INSERT INTO dead_letter_identifier (digest, letter) VALUES (?, ?) ON CONFLICT DO NOTHING
