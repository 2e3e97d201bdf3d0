-- Who sends from a source from now on.
INSERT INTO webhook (digest, epoch, wrapped) VALUES (?, ?, ?)
ON CONFLICT (digest) DO UPDATE SET epoch = excluded.epoch, wrapped = excluded.wrapped
