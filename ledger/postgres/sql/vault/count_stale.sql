-- How many secrets are wrapped under older epochs.
SELECT
    (SELECT count(*) FROM identifier WHERE epoch < %s)
    + (SELECT count(*) FROM subject_key WHERE epoch < %s)
    + (SELECT count(*) FROM staff WHERE epoch < %s)
    + (SELECT count(*) FROM dead_letter WHERE epoch < %s)
    + (SELECT count(*) FROM api_key WHERE epoch < %s)
    + (SELECT count(*) FROM webhook WHERE epoch < %s)
