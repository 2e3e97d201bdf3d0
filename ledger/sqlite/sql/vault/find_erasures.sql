-- An erasure that has not ended, and what it destroyed so far.
SELECT event, receipt, upto FROM erasure WHERE event = ?
