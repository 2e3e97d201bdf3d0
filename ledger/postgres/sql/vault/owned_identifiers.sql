-- Everything that names any of these ids, by the digest of an id for one epoch.
SELECT owner, digest FROM identifier WHERE owner = ANY (%b::bytea[])
