-- A page of names under older epochs, in order of their key.
SELECT id, epoch, wrapped FROM staff WHERE epoch < ?1 AND id > ?3 ORDER BY id LIMIT ?2
