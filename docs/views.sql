-- A schema for the views, which the application keeps and analysts read; run it as who may make schemas.
CREATE SCHEMA book_views AUTHORIZATION bahi_app;
-- Views that stand for a fold may be read by whoever may use the schema; our own tables beneath may not.
GRANT USAGE ON SCHEMA book_views TO bahi_analyst;
