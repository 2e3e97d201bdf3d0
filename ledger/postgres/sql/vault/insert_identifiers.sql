-- Link identifiers to ids; a digest that is there already is an error.
INSERT INTO identifier (digest, kind, epoch, wrapped, owner)
SELECT * FROM unnest(%b::bytea[], %b::text[], %b::integer[], %b::bytea[], %b::bytea[])
