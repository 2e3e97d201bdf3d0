-- A page of keys' rights under older epochs, in order of their key.
SELECT digest, epoch, wrapped FROM api_key WHERE epoch < ? AND digest > ? ORDER BY digest LIMIT ?
