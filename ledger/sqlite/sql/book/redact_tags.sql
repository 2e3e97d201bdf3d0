-- The tags of an event whose envelope was removed.
DELETE FROM event_tag
WHERE position = :position AND EXISTS (SELECT 1 FROM event WHERE position = :position AND body IS NULL)
