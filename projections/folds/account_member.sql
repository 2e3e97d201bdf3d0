-- account_member: one row a company and person; whether they belong to it, in what role, since when.
--
-- They belong to it while `state` is member.joined; who left may have joined again.
SELECT account,
       customer,
       arg_max(role, moment)                                       AS role,
       max(occurred_at) FILTER (WHERE type = 'member.joined')      AS joined_at,
       max(occurred_at) FILTER (WHERE type = 'member.left')        AS left_at,
       arg_max(type, moment)                                       AS state,
       count(*) FILTER (WHERE type = 'member.joined')              AS times_joined
FROM events
WHERE type IN ('member.joined', 'member.left')
GROUP BY account, customer;
