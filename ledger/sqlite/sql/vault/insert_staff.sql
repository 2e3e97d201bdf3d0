-- A new member of staff.
INSERT INTO staff (id, digest, epoch, wrapped) VALUES (?, ?, ?, ?)
