-- Moves tables from one position to another, all or none: who read the position before somebody else
-- moved it is told so. They stay locked, always in one order, until the transaction ends.
CREATE PROCEDURE move(ids text[], start bigint, upto bigint)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    moved bigint;
BEGIN
    PERFORM FROM view_table WHERE id = ANY (ids) ORDER BY id FOR UPDATE;
    UPDATE view_table SET position = upto
    WHERE id = ANY (ids) AND position = start AND failed_position IS NULL;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality(ids) THEN
        RAISE EXCEPTION 'a view was moved by somebody else' USING ERRCODE = 'BHOVT';
    END IF;
END
$$;
