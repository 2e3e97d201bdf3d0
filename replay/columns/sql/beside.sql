-- The same of events that are in no segment, or in none that has all of these columns.
SELECT {columns} FROM {table}
