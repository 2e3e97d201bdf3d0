-- A schema for the views, which the application keeps and analysts read; run it as who may make schemas.
CREATE SCHEMA book_views AUTHORIZATION bahi_app;
GRANT USAGE ON SCHEMA book_views TO bahi_analyst;
ALTER DEFAULT PRIVILEGES FOR ROLE bahi_app IN SCHEMA book_views GRANT SELECT ON TABLES TO bahi_analyst;
