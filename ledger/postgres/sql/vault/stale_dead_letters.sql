-- A page of letters' keys under older epochs, in order of their key.
SELECT id, epoch, wrapped FROM dead_letter WHERE epoch < %s AND id > %b ORDER BY id LIMIT %s
