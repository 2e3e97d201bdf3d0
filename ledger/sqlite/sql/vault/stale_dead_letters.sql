-- A page of letters' keys under older epochs, in order of their key.
SELECT id, epoch, wrapped FROM dead_letter WHERE epoch < ?1 AND id > ?3 ORDER BY id LIMIT ?2
