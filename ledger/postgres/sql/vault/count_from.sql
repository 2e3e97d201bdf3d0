-- The vault counts on from here.
WITH last AS (
    DELETE FROM generation
    WHERE number = (SELECT number FROM generation ORDER BY number DESC LIMIT 1)
    RETURNING number
)
INSERT INTO generation (number) SELECT greatest(number, %s) FROM last
