-- How many identifiers of each kind name each of these ids, by the digest of an id for one epoch.
SELECT owner, kind, count(*) FROM identifier WHERE owner = ANY (%b::bytea[]) GROUP BY owner, kind
