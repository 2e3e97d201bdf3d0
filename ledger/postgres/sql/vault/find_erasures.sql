-- Those of these erasures that have not ended, and what each destroyed so far.
SELECT event, receipt, upto FROM erasure WHERE event = ANY (%b::bytea[])
