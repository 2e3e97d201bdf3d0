-- Columns of the events in these files that are in a range of positions.
SELECT {columns}
FROM read_parquet([{files}], hive_partitioning = false)
WHERE position > {after} AND position <= {upto}
