-- Keep a letter; refused again, it says when, why and where it was last.
INSERT INTO dead_letter (
    id, identity, kept_at, door, reason, field, epoch, wrapped, coordinates, content
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    kept_at = excluded.kept_at,
    reason = excluded.reason,
    field = excluded.field,
    epoch = excluded.epoch,
    wrapped = excluded.wrapped,
    coordinates = excluded.coordinates,
    content = excluded.content
