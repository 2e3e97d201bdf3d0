-- Bytes of an event can be removed where an `event.redacted` of this very book names the event, the
-- bytes, and two of us who approved it. Everything else stays as it is: place, time, id, type and leaf.

-- A constraint that is taken away changes no row, so the schema is edited rather than the table made
-- anew, which would take as long as the book is large and leave every row behind in free pages:
-- https://sqlite.org/lang_altertable.html#otheralter
PRAGMA writable_schema = ON;

UPDATE sqlite_schema
SET sql = replace(
    replace(sql, 'body        BLOB    NOT NULL', 'body        BLOB'),
    'personal    BLOB    NOT NULL', 'personal    BLOB'
)
WHERE type = 'table' AND name = 'event';

PRAGMA writable_schema = RESET;

-- What may be removed: the place and id (hex) of an event, and which bytes of it, a JSON list.
CREATE VIEW redaction AS
SELECT
    json_extract(said, '$.redacted_position')                           AS position,
    replace(json_extract(said, '$.redacted_id'), '-', '')               AS id,
    coalesce(json_extract(said, '$.removed'), '["body","personal"]')    AS removed
FROM (
    SELECT json_extract(CAST(body AS TEXT), '$.data') AS said
    FROM event
    WHERE type = 'event.redacted' AND body IS NOT NULL
)
WHERE json_extract(said, '$.approvers[0]') <> json_extract(said, '$.approvers[1]');

DROP TRIGGER event_no_update;

-- Events whose bytes were removed while copies of them may still be in the file, or in a view.
CREATE TABLE redacting (position INTEGER PRIMARY KEY) STRICT;

-- What proves that privacy was kept, or who is whom, stays; so a redaction is never redacted. What rules
-- and permissions are decided by keeps its envelope. `ledger.catalogue.removing` says the same.
CREATE TRIGGER event_no_update BEFORE UPDATE ON event
WHEN NOT (
    NEW.position = OLD.position
    AND NEW.recorded_at = OLD.recorded_at
    AND NEW.id = OLD.id
    AND NEW.type = OLD.type
    AND NEW.occurred_at = OLD.occurred_at
    AND NEW.leaf = OLD.leaf
    AND (NEW.body IS NULL OR NEW.personal IS NULL)
    AND (OLD.body IS NULL
        OR json_extract(CAST(OLD.body AS TEXT), '$.domain') NOT IN ('privacy', 'audit'))
    AND (NEW.body IS OLD.body OR (
        NEW.body IS NULL
        AND json_extract(CAST(OLD.body AS TEXT), '$.domain') <> 'consent'
        AND substr(OLD.type, 1, instr(OLD.type, '.') - 1)
            NOT IN ('account', 'deal', 'goal', 'member', 'pipeline', 'schema', 'task', 'ticket')
        AND OLD.type NOT IN ('email.complained', 'email.unsubscribed')
        AND EXISTS (
            SELECT 1 FROM redaction AS r, json_each(r.removed) AS part
            WHERE r.position = OLD.position AND r.id = lower(hex(OLD.id)) AND part.value = 'body'
        )
    ))
    AND (NEW.personal IS OLD.personal OR (NEW.personal IS NULL AND EXISTS (
        SELECT 1 FROM redaction AS r, json_each(r.removed) AS part
        WHERE r.position = OLD.position AND r.id = lower(hex(OLD.id)) AND part.value = 'personal'
    )))
)
BEGIN SELECT RAISE(ABORT, 'the book is append-only: an event cannot be changed'); END;

DROP TRIGGER event_tag_no_delete;

CREATE TRIGGER event_tag_no_delete BEFORE DELETE ON event_tag
WHEN NOT EXISTS (SELECT 1 FROM event WHERE position = OLD.position AND body IS NULL)
BEGIN SELECT RAISE(ABORT, 'the book is append-only: a tag cannot be removed'); END;

DROP TRIGGER event_next_position;

CREATE TRIGGER event_next_position BEFORE INSERT ON event
WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM event)
    OR NEW.body IS NULL
    OR NEW.personal IS NULL
BEGIN SELECT RAISE(ABORT, 'the book is append-only: an event goes to the next position'); END;
