-- The book for people with a SQL prompt: times as times, the clear envelope as JSON, and of what is
-- sealed its length alone. `json` keeps the envelope as it is written.
CREATE VIEW readable AS
SELECT
    position,
    timestamptz 'epoch' + recorded_at * interval '1 microsecond' AS recorded_at,
    id,
    type,
    timestamptz 'epoch' + occurred_at * interval '1 microsecond' AS occurred_at,
    convert_from(body, 'UTF8')::json                             AS body,
    octet_length(personal)                                       AS sealed_bytes
FROM event;
