-- Nothing in the book is changed or removed, by anyone: owners and superusers pass by permissions,
-- never by triggers. They fire before the statement, so that it is refused even where it would touch
-- no row, and ALWAYS, since `session_replication_role = replica` would silence an ordinary trigger.
CREATE TRIGGER event_no_update BEFORE UPDATE ON event
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the book is append-only: an event cannot be changed');

CREATE TRIGGER event_no_delete BEFORE DELETE OR TRUNCATE ON event
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the book is append-only: an event cannot be removed');

CREATE TRIGGER event_tag_no_update BEFORE UPDATE ON event_tag
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the book is append-only: a tag cannot be changed');

CREATE TRIGGER event_tag_no_delete BEFORE DELETE OR TRUNCATE ON event_tag
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the book is append-only: a tag cannot be removed');

CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the book is append-only: a checkpoint cannot be changed');

CREATE TRIGGER checkpoint_no_delete BEFORE DELETE OR TRUNCATE ON checkpoint
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the book is append-only: a checkpoint cannot be removed');

CREATE TRIGGER identity_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON identity
FOR EACH STATEMENT EXECUTE FUNCTION refuse('a book belongs to one ledger');

ALTER TABLE event ENABLE ALWAYS TRIGGER event_no_update;
ALTER TABLE event ENABLE ALWAYS TRIGGER event_no_delete;
ALTER TABLE event_tag ENABLE ALWAYS TRIGGER event_tag_no_update;
ALTER TABLE event_tag ENABLE ALWAYS TRIGGER event_tag_no_delete;
ALTER TABLE checkpoint ENABLE ALWAYS TRIGGER checkpoint_no_update;
ALTER TABLE checkpoint ENABLE ALWAYS TRIGGER checkpoint_no_delete;
ALTER TABLE identity ENABLE ALWAYS TRIGGER identity_no_change;
