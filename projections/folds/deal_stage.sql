-- deal_stage: one row a deal and stage; how often and when the deal came into that stage.
SELECT deal,
       stage,
       count(*)          AS entries,
       min(occurred_at)  AS first_entered,
       max(occurred_at)  AS last_entered
FROM events
WHERE type IN ('deal.opened', 'deal.moved', 'deal.reopened')
GROUP BY deal, stage;
