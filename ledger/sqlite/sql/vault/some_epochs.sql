-- Under which epochs the first secrets of each kind are wrapped.
SELECT epoch FROM (SELECT epoch FROM identifier LIMIT 1) AS identifier_first
UNION
SELECT epoch FROM (SELECT epoch FROM subject_key LIMIT 1) AS subject_key_first
UNION
SELECT epoch FROM (SELECT epoch FROM staff LIMIT 1) AS staff_first
UNION
SELECT epoch FROM (SELECT epoch FROM dead_letter LIMIT 1) AS dead_letter_first
UNION
SELECT epoch FROM (SELECT epoch FROM api_key LIMIT 1) AS api_key_first
UNION
SELECT epoch FROM (SELECT epoch FROM webhook LIMIT 1) AS webhook_first
