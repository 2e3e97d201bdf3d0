-- A letter's key under a new epoch, unless it was written meanwhile.
UPDATE dead_letter SET epoch = ?, wrapped = ? WHERE id = ? AND wrapped = ?
