-- A page of links under older epochs, in order of their key.
SELECT digest, epoch, wrapped FROM identifier WHERE epoch < ? AND digest > ? ORDER BY digest LIMIT ?
