-- These erasures have ended.
DELETE FROM erasure WHERE event = ANY (%b::bytea[])
