-- What arrives for this identifier is refused until a moment.
INSERT INTO suppression (digest, until)
VALUES (?, ?)
ON CONFLICT DO UPDATE SET until = max(until, excluded.until)
