-- How many secrets are wrapped under older epochs.
SELECT
    (SELECT count(*) FROM identifier WHERE epoch < ?)
    + (SELECT count(*) FROM subject_key WHERE epoch < ?)
    + (SELECT count(*) FROM staff WHERE epoch < ?)
    + (SELECT count(*) FROM dead_letter WHERE epoch < ?)
    + (SELECT count(*) FROM api_key WHERE epoch < ?)
    + (SELECT count(*) FROM webhook WHERE epoch < ?)
