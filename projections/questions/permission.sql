-- permission: one row a person, purpose and channel; may we, by which event, and until when.
--
-- The rule stands in commands/consent/permission.py, and gives the same answers for one person at a time.
-- A row with purpose '' or channel '' says what holds for all others; what has no row is a no.
WITH asked AS (
    SELECT DISTINCT customer, purpose, channel FROM consent
),
no AS (
    SELECT asked.*, member, 1 AS place, 'restricted' AS state, restricted AS moment, NULL AS notice, NULL AS notice_version
    FROM asked JOIN consent AS said USING (customer)
    WHERE restricted > coalesce(unrestricted, '00000000-0000-0000-0000-000000000000'::UUID)
    UNION ALL
    SELECT asked.*, member, 2, 'objected', objected, NULL, NULL
    FROM asked JOIN consent AS said USING (customer)
    WHERE objected > coalesce(lifted, '00000000-0000-0000-0000-000000000000'::UUID)
      AND (said.purpose = asked.purpose
           OR said.purpose = 'marketing' AND starts_with(asked.purpose, 'marketing/'))
    UNION ALL
    SELECT asked.*, member, 3, 'unsubscribed', unsubscribed, NULL, NULL
    FROM asked JOIN consent AS said USING (customer, channel)
    WHERE unsubscribed IS NOT NULL
    UNION ALL
    SELECT customer, purpose, channel, member, 4, denial[9:], denied, denied_notice, denied_version
    FROM consent
    WHERE denied IS NOT NULL
),
yes AS (
    -- The latest of each member, once its time has come.
    SELECT * FROM consent WHERE given_at <= :now
),
overcome AS (
    -- By a later yes of the same member, or one of another that came after the two were one person,
    -- and stands in the book after whatever made them one. A moment's last 64 bits are its position.
    SELECT DISTINCT no.customer, no.purpose, no.channel, no.member, no.place, no.moment
    FROM no
    JOIN yes USING (customer, purpose, channel)
    LEFT JOIN joined ON joined.customer = no.member AND joined.other = yes.member
    WHERE no.place > 1
      AND yes.given > no.moment
      AND (yes.member = no.member
           OR yes.given > joined.since
              AND (yes.given::UHUGEINT & 18446744073709551615) > joined.position)
),
stands AS (
    SELECT no.*, NULL::TIMESTAMP AS lapses_at
    FROM no ANTI JOIN overcome USING (customer, purpose, channel, member, place, moment)
    UNION ALL
    SELECT customer, purpose, channel, member, 5, CASE WHEN valid_until <= :now THEN 'expired' ELSE 'given' END,
           given, given_notice, given_version, nullif(valid_until, TIMESTAMP '9999-12-31 23:59:59.999999')
    FROM yes
    UNION ALL
    SELECT customer, purpose, channel, member, 6, 'requested', requested, requested_notice, requested_version, NULL
    FROM consent
    WHERE requested IS NOT NULL
    UNION ALL
    SELECT customer, purpose, channel, NULL, 7, 'unknown', NULL, NULL, NULL, NULL
    FROM asked
),
decided AS (
    SELECT *
    FROM stands
    QUALIFY row_number() OVER (PARTITION BY customer, purpose, channel ORDER BY place, moment DESC) = 1
)
SELECT customer,
       purpose,
       channel,
       state = 'given'                                                              AS allowed,
       state,
       -- A moment is 64 bits of microseconds since 1970 + 2^63, then 64 of position.
       make_timestamp(((moment::UHUGEINT >> 64)::HUGEINT - 9223372036854775808)::BIGINT) AS since,
       (moment::UHUGEINT & 18446744073709551615)::BIGINT                            AS position,
       lapses_at,
       nullif(notice, '')                                                           AS notice,
       nullif(notice_version, '')                                                   AS notice_version
FROM decided
ORDER BY customer, purpose, channel
