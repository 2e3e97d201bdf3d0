-- How often the vault was written, one row. An older copy says less.
--
-- The row is replaced, not updated: versions of one row that a long snapshot keeps alive would all be
-- walked by whoever reads it, while the highest number is the last of the index, whatever lies below.
CREATE TABLE generation (
    number bigint PRIMARY KEY
);

INSERT INTO generation (number) VALUES (0);
