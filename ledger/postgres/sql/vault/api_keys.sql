-- Every key.
SELECT digest, id, epoch, wrapped FROM api_key
