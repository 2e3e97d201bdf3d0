-- Keys, new or as they are from now on.
INSERT INTO api_key (digest, id, epoch, wrapped)
SELECT * FROM unnest(%b::bytea[], %b::bytea[], %b::integer[], %b::bytea[])
ON CONFLICT (digest) DO UPDATE SET epoch = excluded.epoch, wrapped = excluded.wrapped
