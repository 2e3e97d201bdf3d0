-- The secrets of one key.
SELECT digest, id, epoch, wrapped FROM api_key WHERE id = ?
