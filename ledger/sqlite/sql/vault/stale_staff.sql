-- A page of names under older epochs, in order of their key.
SELECT id, epoch, wrapped FROM staff WHERE epoch < ? AND id > ? ORDER BY id LIMIT ?
