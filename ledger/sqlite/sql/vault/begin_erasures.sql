-- Announce an erasure; said twice is said once.
INSERT INTO erasure (event, subject, begun_at, upto) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
