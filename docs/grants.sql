-- What each role may; run it as the owner, after every migration. See operations.md for who they are.
GRANT USAGE ON SCHEMA book TO bahi_app, bahi_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA book TO bahi_app;
GRANT INSERT ON book.event, book.event_tag, book.checkpoint, book.identity TO bahi_app;
-- The book as it is written, with the random ids of people who are erased or restricted by now.
GRANT SELECT ON book.readable TO bahi_auditor;
