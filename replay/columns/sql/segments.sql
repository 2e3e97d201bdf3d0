-- Columns of all events in these files.
SELECT {columns}
FROM read_parquet([{files}], hive_partitioning = false)
