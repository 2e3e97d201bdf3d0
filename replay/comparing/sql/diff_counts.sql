-- How many rows came and went, how many are there otherwise, and in how many of those each column is.
SELECT count(*) FILTER (WHERE was_there IS NULL),
       count(*) FILTER (WHERE is_there IS NULL),
       count(*) FILTER (WHERE was_there AND is_there AND {apart}),
       {by_column}
FROM (SELECT {before}, true AS was_there FROM rows_before)
FULL JOIN (SELECT {after}, true AS is_there FROM rows_after) ON {same_key}
