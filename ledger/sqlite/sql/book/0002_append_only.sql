-- Nothing in the book is changed or removed, by anyone. The insert triggers are there because
-- INSERT OR REPLACE removes the old row without firing a delete trigger; they also hold positions to
-- 1, 2, 3 … so that no gap can be written even by hand. A tag needs none: its key is its whole row.
CREATE TRIGGER event_no_update BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'the book is append-only: an event cannot be changed'); END;

CREATE TRIGGER event_no_delete BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'the book is append-only: an event cannot be removed'); END;

CREATE TRIGGER event_next_position BEFORE INSERT ON event
WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM event)
BEGIN SELECT RAISE(ABORT, 'the book is append-only: an event goes to the next position'); END;

CREATE TRIGGER event_new_id BEFORE INSERT ON event
WHEN EXISTS (SELECT 1 FROM event WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the book is append-only: this id is recorded already'); END;

CREATE TRIGGER event_tag_no_update BEFORE UPDATE ON event_tag
BEGIN SELECT RAISE(ABORT, 'the book is append-only: a tag cannot be changed'); END;

CREATE TRIGGER event_tag_no_delete BEFORE DELETE ON event_tag
BEGIN SELECT RAISE(ABORT, 'the book is append-only: a tag cannot be removed'); END;

CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'the book is append-only: a checkpoint cannot be changed'); END;

CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'the book is append-only: a checkpoint cannot be removed'); END;

CREATE TRIGGER checkpoint_new_size BEFORE INSERT ON checkpoint
WHEN EXISTS (SELECT 1 FROM checkpoint WHERE size = NEW.size)
BEGIN SELECT RAISE(ABORT, 'the book is append-only: this size has a checkpoint already'); END;

CREATE TRIGGER identity_no_update BEFORE UPDATE ON identity
BEGIN SELECT RAISE(ABORT, 'a book belongs to one ledger'); END;

CREATE TRIGGER identity_no_delete BEFORE DELETE ON identity
BEGIN SELECT RAISE(ABORT, 'a book belongs to one ledger'); END;

CREATE TRIGGER identity_only_one BEFORE INSERT ON identity
WHEN EXISTS (SELECT 1 FROM identity)
BEGIN SELECT RAISE(ABORT, 'a book belongs to one ledger'); END;
