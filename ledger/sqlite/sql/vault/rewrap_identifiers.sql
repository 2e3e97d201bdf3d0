-- A link under a new epoch, unless it was written meanwhile.
UPDATE identifier SET epoch = ?, wrapped = ?, owner = ? WHERE digest = ? AND wrapped = ?
