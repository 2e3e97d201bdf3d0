CALL move(%(ids)s::text[], %(start)s::bigint, %(to)s::bigint)
