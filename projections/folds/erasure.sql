-- erasure: one row a person; what was asked about their data and done with it, from request to certificate.
--
-- They are erased once `erased_at` is set; `class_erased_at` is when some classes of their data last were,
-- and they stayed. They are restricted while `restriction` is customer.restricted. A hold is by name: as
-- many as were placed and not released forbid an erasure.
SELECT customer,
       max(occurred_at) FILTER (WHERE type = 'privacy.requested' AND "right" = 'erasure') AS requested_at,
       arg_max(due_on, moment) FILTER (WHERE "right" = 'erasure')                         AS due_on,
       max(occurred_at) FILTER (WHERE type = 'customer.erasing' AND classes IS NULL)      AS erasing_at,
       max(occurred_at) FILTER (WHERE type = 'customer.erased' AND classes IS NULL)       AS erased_at,
       max(occurred_at) FILTER (WHERE type = 'customer.erased' AND classes IS NOT NULL)   AS class_erased_at,
       arg_max(legal_basis, moment)                                                       AS legal_basis,
       max(backups_dead_from)                                                             AS backups_dead_from,
       arg_max(type, moment)
           FILTER (WHERE type IN ('customer.restricted', 'customer.unrestricted'))        AS restriction,
       max(occurred_at) FILTER (WHERE type = 'customer.restricted')                       AS restricted_at,
       max(occurred_at) FILTER (WHERE type = 'customer.unrestricted')                     AS unrestricted_at,
       count(*) FILTER (WHERE type = 'hold.placed')                                       AS holds_placed,
       count(*) FILTER (WHERE type = 'hold.released')                                     AS holds_released,
       max(occurred_at) FILTER (WHERE type = 'hold.placed')                               AS held_at
FROM events
WHERE type IN (
    'privacy.requested', 'customer.erasing', 'customer.erased',
    'customer.restricted', 'customer.unrestricted', 'hold.placed', 'hold.released'
)
GROUP BY customer;
