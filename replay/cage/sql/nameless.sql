-- Events with nobody in them who is `hidden`, but where it is told what was done with their data: as replay/withheld.py
-- has it for batches.
SELECT events.* REPLACE (
    CASE WHEN mine.customer IS NULL OR events.domain = 'privacy' THEN events.customer END       AS customer,
    CASE WHEN others.customer IS NULL THEN events.other END                                     AS other,
    CASE WHEN others.customer IS NULL
          AND (mine.customer IS NULL OR events.domain = 'privacy' OR events.other IS NULL)
         THEN events.data END                                                                   AS data
)
FROM {events} AS events
LEFT JOIN {hidden} AS mine ON mine.customer = events.customer
LEFT JOIN {hidden} AS others ON others.customer = events.other
