-- Every write moves it, in the same transaction.
WITH last AS (
    DELETE FROM generation
    WHERE number = (SELECT number FROM generation ORDER BY number DESC LIMIT 1)
    RETURNING number
)
INSERT INTO generation (number) SELECT number + 1 FROM last
