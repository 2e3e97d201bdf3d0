-- From here on, no key of this person is made or opened.
INSERT INTO erasing (subject) VALUES (?) ON CONFLICT DO NOTHING
