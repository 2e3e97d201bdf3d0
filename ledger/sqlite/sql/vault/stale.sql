-- Is anything still wrapped under an epoch before this one?
SELECT EXISTS (SELECT 1 FROM identifier WHERE epoch < :epoch)
    OR EXISTS (SELECT 1 FROM subject_key WHERE epoch < :epoch)
    OR EXISTS (SELECT 1 FROM staff WHERE epoch < :epoch)
    OR EXISTS (SELECT 1 FROM dead_letter WHERE epoch < :epoch)
