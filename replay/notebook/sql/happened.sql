-- What had happened by a moment, of the events that some folds take, in order of happening.
SELECT {columns}
FROM {relation} AS events
WHERE ({takes}) AND occurred_at <= TIMESTAMP '{last}'
ORDER BY occurred_at, position
