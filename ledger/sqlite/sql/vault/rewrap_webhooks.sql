-- A webhook's secret under a new epoch, unless it was written meanwhile.
UPDATE webhook SET epoch = ?, wrapped = ? WHERE digest = ? AND wrapped = ?
