-- Who sends from sources from now on.
INSERT INTO webhook (digest, epoch, wrapped)
SELECT * FROM unnest(%b::bytea[], %b::integer[], %b::bytea[])
ON CONFLICT (digest) DO UPDATE SET epoch = excluded.epoch, wrapped = excluded.wrapped
