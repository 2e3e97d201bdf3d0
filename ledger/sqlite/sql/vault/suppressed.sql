-- Did this identifier belong to somebody erased lately?
SELECT 1 FROM suppression WHERE digest = ? AND until > ?
