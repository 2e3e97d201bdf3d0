-- campaign: one row a campaign and currency; what it cost, whom it reached and what came of it.
--
-- Events without money count under the currency ''; what is ordered or given back carries the campaign's tag.
-- A cancelled order stays in `ordered_minor`: its cancellation carries no amount, and what went back is a refund.
SELECT campaign,
       CASE WHEN type IN ('campaign.cost_recorded', 'order.placed', 'order.refunded')
            THEN coalesce(currency, '') ELSE '' END                         AS currency,
       min(occurred_at) FILTER (WHERE type = 'campaign.launched')           AS launched_at,
       arg_max(channel, moment) FILTER (WHERE type = 'campaign.launched')   AS channel,
       arg_max(purpose, moment) FILTER (WHERE type = 'campaign.launched')   AS purpose,
       sum(amount_minor) FILTER (WHERE type = 'campaign.cost_recorded')     AS cost_minor,
       count(*) FILTER (WHERE type IN ('email.sent', 'message.sent'))       AS sent,
       count(*) FILTER (WHERE type = 'email.delivered')                     AS delivered,
       count(*) FILTER (WHERE type = 'email.opened')                        AS opened,
       count(*) FILTER (WHERE type = 'email.clicked')                       AS clicked,
       count(*) FILTER (WHERE type = 'email.bounced')                       AS bounced,
       count(*) FILTER (WHERE type = 'email.complained')                    AS complained,
       count(*) FILTER (WHERE type = 'email.unsubscribed')                  AS unsubscribed,
       count(*) FILTER (WHERE type = 'ad.clicked')                          AS ad_clicks,
       count(*) FILTER (WHERE type = 'event.attended')                      AS attended,
       count(*) FILTER (WHERE type = 'lead.captured')                       AS leads,
       count(*) FILTER (WHERE type = 'order.placed')                        AS orders,
       sum(amount_minor) FILTER (WHERE type = 'order.placed')               AS ordered_minor,
       sum(amount_minor) FILTER (WHERE type = 'order.refunded')             AS refunded_minor
FROM events
GROUP BY campaign, currency;
