CREATE TABLE {table} (
    {columns},
    PRIMARY KEY ({keys})
) STRICT, WITHOUT ROWID
