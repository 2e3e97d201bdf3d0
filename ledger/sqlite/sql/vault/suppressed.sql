-- Did this identifier belong to somebody erased lately?
SELECT digest FROM suppression WHERE digest = ? AND until > ?
