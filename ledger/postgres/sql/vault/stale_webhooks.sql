-- A page of webhooks' secrets under older epochs, in order of their key.
SELECT digest, epoch, wrapped FROM webhook WHERE epoch < %s AND digest > %b ORDER BY digest LIMIT %s
