-- Link an identifier to an id; a digest that is there already is an error.
INSERT INTO identifier (digest, kind, epoch, wrapped, owner) VALUES (?, ?, ?, ?, ?)
