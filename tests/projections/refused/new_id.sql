-- new_id: made to be refused.
SELECT uuid() AS id, count(*) AS n FROM events GROUP BY id;
