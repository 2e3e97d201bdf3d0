-- Keep letters; refused again, one says when, why and where it was last.
INSERT INTO dead_letter (
    id, identity, kept_at, door, reason, field, epoch, wrapped, coordinates, content
)
SELECT *
FROM unnest(
    %b::bytea[], %b::bytea[], %b::bigint[], %b::text[], %b::text[], %b::text[], %b::integer[],
    %b::bytea[], %b::bytea[], %b::bytea[]
)
ON CONFLICT (id) DO UPDATE SET
    kept_at = excluded.kept_at,
    reason = excluded.reason,
    field = excluded.field,
    epoch = excluded.epoch,
    wrapped = excluded.wrapped,
    coordinates = excluded.coordinates,
    content = excluded.content
