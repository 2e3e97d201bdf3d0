CREATE TABLE {table} (
    {columns},
    PRIMARY KEY ({keys})
)
