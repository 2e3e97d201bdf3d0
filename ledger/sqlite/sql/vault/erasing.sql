-- Has the erasure of this person begun?
SELECT subject FROM erasing WHERE subject = ?
