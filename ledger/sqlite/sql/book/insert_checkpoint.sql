INSERT INTO checkpoint (size, root, peaks) VALUES (?, ?, ?)
