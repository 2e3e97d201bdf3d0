INSERT INTO checkpoint (size, root, peaks) VALUES (%(size)s, %(root)s, %(peaks)s)
ON CONFLICT (size) DO NOTHING
