SELECT outcome, place, known_id, known_body
FROM append_events(
    %(ids)b::uuid[], %(types)b::text[], %(occurred_us)b::bigint[], %(bodies)b::bytea[],
    %(personals)b::bytea[], %(tags)b::text[], %(tag_of)b::bigint[],
    %(unless)s::jsonb, %(seen)s::bigint, %(now_us)s::bigint
)
