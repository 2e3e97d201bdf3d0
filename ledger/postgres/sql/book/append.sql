SELECT outcome, place, known_id, known_body
FROM append_events(
    %(ids)b::uuid[], %(types)s::text[], %(occurred_us)b::bigint[], %(bodies)b::bytea[],
    %(personals)b::bytea[], %(tags)s::text[], %(tag_of)b::bigint[],
    %(unless)s::jsonb, %(seen)s::bigint, %(now_us)s::bigint
)
