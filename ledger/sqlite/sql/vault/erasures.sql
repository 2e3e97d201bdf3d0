-- Every erasure that has not ended, in the order of their beginning.
SELECT event, subject, begun_at, receipt FROM erasure ORDER BY begun_at, event
