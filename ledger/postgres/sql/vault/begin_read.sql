-- One snapshot for all that is read: whose erasure has begun, and their keys, as of the same moment.
-- Whoever is gone without a word does not keep it: VACUUM would leave for them what was destroyed.
BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;

SET LOCAL idle_in_transaction_session_timeout = '10s';
