-- nameless_key: made to be refused.
SELECT lower(campaign), count(*) AS n FROM events GROUP BY lower(campaign);
