-- Bytes of one event are removed; the trigger asks whether the book says so.
UPDATE event
SET body = iif(:body, NULL, body), personal = iif(:personal, NULL, personal)
WHERE position = :position
