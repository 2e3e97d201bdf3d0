-- A page of webhooks' secrets under older epochs, in order of their key.
SELECT digest, epoch, wrapped FROM webhook WHERE epoch < ? AND digest > ? ORDER BY digest LIMIT ?
