-- The number of the lock that whoever brings the views forward holds; other schemas have others.
CREATE FUNCTION turn() RETURNS bigint
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$ SELECT hashtextextended('bahi views of ' || current_schema(), 0) $$;
