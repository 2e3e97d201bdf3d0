-- collated: made to be refused.
SELECT campaign COLLATE NOCASE AS campaign, count(*) AS n FROM events GROUP BY campaign;
