-- Whole rows that are more often in one look than in the other, each as many times as it is more.
SELECT *
FROM (
    SELECT 'gone' AS {change}, *
    FROM (SELECT {columns} FROM rows_before EXCEPT ALL SELECT {columns} FROM rows_after)
    UNION ALL
    SELECT 'added', *
    FROM (SELECT {columns} FROM rows_after EXCEPT ALL SELECT {columns} FROM rows_before)
)
ORDER BY ALL
