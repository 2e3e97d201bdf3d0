INSERT INTO event_tag (tag, position) VALUES (?, ?)
