-- Everything that names an id, by the digest of that id for one epoch.
SELECT owner, digest FROM identifier WHERE owner = ?
