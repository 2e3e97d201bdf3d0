-- deal_step: one row a deal and stage it ever was in; the stage's place in its pipeline, and its chance of being won.
--
-- A stage that the pipeline's definition no longer knows has neither; a pipeline that nobody named is ''.
SELECT deal,
       pipeline,
       stage,
       place,
       (stages->'$[*].win_percent')[place]::BIGINT AS win_percent,
       first_entered,
       last_entered
FROM (
    SELECT deal_stage.*,
           coalesce(deal.pipeline, '')                                                           AS pipeline,
           pipeline_stages.stages,
           list_position(pipeline_stages.stages->>'$[*].stage', deal_stage.stage)::BIGINT        AS place
    FROM deal_stage
    JOIN deal ON deal.deal = deal_stage.deal
    LEFT JOIN pipeline_stages ON pipeline_stages.pipeline = deal.pipeline
);
