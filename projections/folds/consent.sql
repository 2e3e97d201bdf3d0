-- consent: one row a customer, purpose and channel; the latest of each thing they said, as moments.
--
-- Ask `permission` what follows from it. `member` is the customer as recorded: merged customers are
-- read as one, and the no of each of them counts. The purpose is '' for what holds for every one (an
-- unsubscribe), the channel is '' for what holds on every one (an objection); a restriction has neither.
SELECT customer,
       customer                                                       AS member,
       CASE WHEN domain = 'consent' THEN purpose ELSE '' END          AS purpose,
       CASE WHEN type LIKE 'consent.%' THEN channel
            WHEN type LIKE 'email.%' THEN 'email' ELSE '' END         AS channel,
       max(moment) FILTER (WHERE type = 'consent.requested')          AS requested,
       max(moment) FILTER (WHERE type = 'consent.given')              AS given,
       max(occurred_at) FILTER (WHERE type = 'consent.given')         AS given_at,
       -- What has no end or no notice says so: it is not to inherit those of an older one.
       arg_max(coalesce(valid_until, TIMESTAMP '9999-12-31 23:59:59.999999'), moment)
           FILTER (WHERE type = 'consent.given')                      AS valid_until,
       arg_max(coalesce(notice, ''), moment)
           FILTER (WHERE type = 'consent.given')                      AS given_notice,
       arg_max(coalesce(notice_version, ''), moment)
           FILTER (WHERE type = 'consent.given')                      AS given_version,
       max(moment)
           FILTER (WHERE type IN ('consent.refused', 'consent.withdrawn')) AS denied,
       arg_max(type, moment)
           FILTER (WHERE type IN ('consent.refused', 'consent.withdrawn')) AS denial,
       arg_max(coalesce(notice, ''), moment)
           FILTER (WHERE type IN ('consent.refused', 'consent.withdrawn')) AS denied_notice,
       arg_max(coalesce(notice_version, ''), moment)
           FILTER (WHERE type IN ('consent.refused', 'consent.withdrawn')) AS denied_version,
       arg_max(coalesce(notice, ''), moment)
           FILTER (WHERE type = 'consent.requested')                  AS requested_notice,
       arg_max(coalesce(notice_version, ''), moment)
           FILTER (WHERE type = 'consent.requested')                  AS requested_version,
       max(moment) FILTER (WHERE type LIKE 'email.%')                 AS unsubscribed,
       max(moment) FILTER (WHERE type = 'objection.raised')           AS objected,
       max(moment) FILTER (WHERE type = 'objection.lifted')           AS lifted,
       max(moment) FILTER (WHERE type = 'customer.restricted')        AS restricted,
       max(moment) FILTER (WHERE type = 'customer.unrestricted')      AS unrestricted
FROM events
WHERE type LIKE 'consent.%'
   OR type IN ('objection.raised', 'objection.lifted', 'email.unsubscribed', 'email.complained',
               'customer.restricted', 'customer.unrestricted')
GROUP BY customer, member, purpose, channel;
