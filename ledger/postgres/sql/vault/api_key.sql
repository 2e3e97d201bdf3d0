-- What a key may do, wrapped.
SELECT digest, id, epoch, wrapped FROM api_key WHERE digest = %b
