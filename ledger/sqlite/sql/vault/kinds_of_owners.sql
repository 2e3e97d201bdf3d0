-- How many identifiers of each kind name an id, by the digest of that id for one epoch.
SELECT owner, kind, count(*) FROM identifier WHERE owner = ? GROUP BY kind
