INSERT INTO event (position, recorded_at, id, type, occurred_at, body, personal, leaf)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
