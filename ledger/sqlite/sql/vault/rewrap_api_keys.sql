-- What a key may do under a new epoch, unless it was written meanwhile.
UPDATE api_key SET epoch = ?, wrapped = ? WHERE digest = ? AND wrapped = ?
