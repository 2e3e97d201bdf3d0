-- Rows that two looks do not have alike, those of one key side by side.
SELECT {shown}
FROM (SELECT {before}, true AS was_there FROM rows_before)
FULL JOIN (SELECT {after}, true AS is_there FROM rows_after) ON {same_key}
WHERE was_there IS NULL OR is_there IS NULL OR {apart}
ORDER BY {order}
