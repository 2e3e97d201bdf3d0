-- A key, new or as it is from now on.
INSERT INTO api_key (digest, id, epoch, wrapped) VALUES (?, ?, ?, ?)
ON CONFLICT (digest) DO UPDATE SET epoch = excluded.epoch, wrapped = excluded.wrapped
