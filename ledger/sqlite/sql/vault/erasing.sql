-- Has the erasure of this person begun?
SELECT 1 FROM erasing WHERE subject = ?
