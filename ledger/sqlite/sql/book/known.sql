-- Where an id is recorded, and its clear envelope.
SELECT position, body FROM event WHERE id = ?
