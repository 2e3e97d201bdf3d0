-- A transaction that has the write lock of this vault until its commit. The lock is a statement of its
-- own: each after it sees what was committed before that one began, and so all that was written before
-- the lock was had.
--
-- Whatever the session says, the commit is flushed before it is answered. And whoever is stopped, or
-- gone without a word, loses the lock while the others still wait for it.
BEGIN ISOLATION LEVEL READ COMMITTED;

SELECT
    set_config('idle_in_transaction_session_timeout', '10s', true),
    CASE current_setting('synchronous_commit')
        WHEN 'off' THEN set_config('synchronous_commit', 'on', true)
    END;

SELECT pg_advisory_xact_lock(x'62616869'::bigint << 32 | 'vault'::regclass::oid::bigint);
