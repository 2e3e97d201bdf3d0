-- A page of letters' keys under older epochs, in order of their key.
SELECT id, epoch, wrapped FROM dead_letter WHERE epoch < ? AND id > ? ORDER BY id LIMIT ?
