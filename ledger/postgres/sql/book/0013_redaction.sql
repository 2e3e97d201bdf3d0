-- Bytes of an event can be removed where an `event.redacted` of this very book names the event, the
-- bytes, and two of us who approved it. Everything else stays as it is: place, time, id, type and leaf.
ALTER TABLE event ALTER COLUMN body DROP NOT NULL;
ALTER TABLE event ALTER COLUMN personal DROP NOT NULL;

-- What may be removed: the place and id of an event, and which bytes of it.
CREATE VIEW redaction AS
SELECT
    (said->>'redacted_position')::bigint                          AS position,
    (said->>'redacted_id')::uuid                                  AS id,
    coalesce(nullif(said->'removed', 'null'), '["body", "personal"]') AS removed
FROM (
    SELECT convert_from(body, 'UTF8')::jsonb->'data' AS said
    FROM event
    WHERE type = 'event.redacted' AND body IS NOT NULL
    OFFSET 0
) AS redacted
WHERE said->'approvers'->>0 <> said->'approvers'->>1;

-- Events whose bytes were removed while old versions of their rows, or a view, may still hold them.
CREATE TABLE redacting (position bigint PRIMARY KEY);

-- What proves that privacy was kept, or who is whom, stays; so a redaction is never redacted. What rules
-- and permissions are decided by keeps its envelope. `ledger.catalogue.removing` says the same.
CREATE FUNCTION demand_redaction() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    allowed jsonb;
BEGIN
    SELECT coalesce(jsonb_agg(part), '[]') INTO allowed
    FROM redaction AS r
    CROSS JOIN LATERAL jsonb_array_elements(r.removed) AS part
    WHERE r.position = OLD.position AND r.id = OLD.id;
    IF (NEW.position, NEW.recorded_at, NEW.id, NEW.type, NEW.occurred_at, NEW.leaf)
            IS DISTINCT FROM (OLD.position, OLD.recorded_at, OLD.id, OLD.type, OLD.occurred_at, OLD.leaf)
        OR (NEW.body IS NOT NULL AND NEW.personal IS NOT NULL)
        OR convert_from(OLD.body, 'UTF8')::jsonb->>'domain' IN ('privacy', 'audit')
        OR (NEW.body IS DISTINCT FROM OLD.body
            AND (NEW.body IS NOT NULL OR NOT allowed @> '["body"]'
                OR convert_from(OLD.body, 'UTF8')::jsonb->>'domain' = 'consent'
                OR split_part(OLD.type, '.', 1)
                    IN ('account', 'deal', 'goal', 'member', 'pipeline', 'schema', 'task', 'ticket')
                OR OLD.type IN ('email.complained', 'email.unsubscribed')))
        OR (NEW.personal IS DISTINCT FROM OLD.personal
            AND (NEW.personal IS NOT NULL OR NOT allowed @> '["personal"]'))
    THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = TG_ARGV[0];
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION demand_redacted() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM event WHERE position = OLD.position AND body IS NULL) THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation', MESSAGE = TG_ARGV[0];
    END IF;
    RETURN OLD;
END
$$;

-- Two triggers each: one lets nobody begin who does not say that it is a redaction, so that a mistake
-- is refused even where it would touch no row; the other looks at each row, whoever says so.
DROP TRIGGER event_no_update ON event;

CREATE TRIGGER event_no_update BEFORE UPDATE ON event
FOR EACH STATEMENT WHEN (current_setting('bahi.redacting', true) IS DISTINCT FROM 'on')
EXECUTE FUNCTION refuse('the book is append-only: an event cannot be changed');

CREATE TRIGGER event_redacted BEFORE UPDATE ON event
FOR EACH ROW EXECUTE FUNCTION demand_redaction('the book is append-only: an event cannot be changed');

DROP TRIGGER event_tag_no_delete ON event_tag;

CREATE TRIGGER event_tag_no_truncate BEFORE TRUNCATE ON event_tag
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the book is append-only: a tag cannot be removed');

CREATE TRIGGER event_tag_no_delete BEFORE DELETE ON event_tag
FOR EACH STATEMENT WHEN (current_setting('bahi.redacting', true) IS DISTINCT FROM 'on')
EXECUTE FUNCTION refuse('the book is append-only: a tag cannot be removed');

CREATE TRIGGER event_tag_redacted BEFORE DELETE ON event_tag
FOR EACH ROW EXECUTE FUNCTION demand_redacted('the book is append-only: a tag cannot be removed');

ALTER TABLE event ENABLE ALWAYS TRIGGER event_no_update;
ALTER TABLE event ENABLE ALWAYS TRIGGER event_redacted;
ALTER TABLE event_tag ENABLE ALWAYS TRIGGER event_tag_no_truncate;
ALTER TABLE event_tag ENABLE ALWAYS TRIGGER event_tag_no_delete;
ALTER TABLE event_tag ENABLE ALWAYS TRIGGER event_tag_redacted;

-- The one way to it. What is removed once may be removed again, which changes nothing.
CREATE FUNCTION redact_event(at bigint, removed text[]) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    -- Not as an attribute of the function, which only a superuser may give it.
    PERFORM set_config('bahi.redacting', 'on', true);
    UPDATE event AS e
    SET body = CASE WHEN 'body' = ANY (removed) THEN NULL ELSE e.body END,
        personal = CASE WHEN 'personal' = ANY (removed) THEN NULL ELSE e.personal END
    WHERE e.position = at;
    IF 'body' = ANY (removed) THEN
        DELETE FROM event_tag AS t WHERE t.position = at;
    END IF;
    INSERT INTO redacting (position)
    SELECT e.position FROM event AS e
    WHERE e.position = at AND (e.body IS NULL OR e.personal IS NULL)
    ON CONFLICT DO NOTHING;
    PERFORM set_config('bahi.redacting', 'off', true);
END
$$;

-- Whoever inserts by hand brings the whole event.
CREATE OR REPLACE FUNCTION next_position() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    first  bigint;
    amount bigint;
    span   bigint;
    bare   bigint;
BEGIN
    SELECT
        min(position), count(*), max(position) - min(position) + 1,
        count(*) FILTER (WHERE body IS NULL OR personal IS NULL)
    INTO first, amount, span, bare
    FROM inserted;
    IF amount > 0 AND (amount <> span OR bare > 0 OR first <> 1 + coalesce((
        SELECT position FROM event WHERE position < first ORDER BY position DESC LIMIT 1
    ), 0)) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'restrict_violation',
            MESSAGE = 'the book is append-only: an event goes to the next position';
    END IF;
    RETURN NULL;
END
$$;
