-- Where appends to this book are told of; another book of the same database has its own.
CREATE FUNCTION channel() RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$ SELECT 'bahi_' || 'event'::regclass::oid $$;
