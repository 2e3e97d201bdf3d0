-- A name under a new epoch, unless it was written meanwhile.
UPDATE staff SET epoch = ?, wrapped = ? WHERE id = ? AND wrapped = ?
