SELECT placed, met, known_id, known_at, known_body
FROM append_events(
    %(ids)b, %(types)b, %(occurred_us)b, %(bodies)b, %(personals)b, %(tags)b, %(tag_of)b,
    %(ends)b, %(tag_ends)b, %(unless)b, %(seen)b, %(now_us)s::bigint
)
