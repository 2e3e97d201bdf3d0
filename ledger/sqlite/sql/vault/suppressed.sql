-- Until when what arrives for this identifier is refused, if that is later than a moment.
SELECT digest, until FROM suppression WHERE digest = ? AND until > ?
