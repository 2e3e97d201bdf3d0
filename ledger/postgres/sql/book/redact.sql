SELECT redact_event(%(position)s::bigint, %(removed)s::text[])
