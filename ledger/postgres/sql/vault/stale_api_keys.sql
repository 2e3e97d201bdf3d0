-- A page of keys' rights under older epochs, in order of their key.
SELECT digest, epoch, wrapped FROM api_key WHERE epoch < %s AND digest > %b ORDER BY digest LIMIT %s
