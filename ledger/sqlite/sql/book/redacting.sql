-- Events whose removed bytes may still be somewhere.
SELECT position FROM redacting ORDER BY position
