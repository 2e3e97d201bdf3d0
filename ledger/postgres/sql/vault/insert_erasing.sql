-- From here on, no key of these people is made or opened.
INSERT INTO erasing (subject) SELECT * FROM unnest(%b::bytea[]) ON CONFLICT DO NOTHING
