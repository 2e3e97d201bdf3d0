-- Ends every session of a process that has the turn and was not heard of for a while: it hangs, was
-- stopped, or its machine is gone. Its sessions know each other by their name; of another role's
-- sessions nothing is seen here, and none is ended.
SELECT pg_terminate_backend(session.pid)
FROM pg_stat_activity AS session
WHERE session.datname = current_database()
  AND session.usename = current_user
  AND session.application_name = (
      SELECT holder.application_name
      FROM pg_locks AS held
      JOIN pg_stat_activity AS holder USING (pid)
      WHERE held.locktype = 'advisory'
        AND held.granted
        AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (held.classid::bigint << 32 | held.objid::bigint) = turn()
        AND held.objsubid = 1
        AND holder.usename = current_user
        AND holder.state_change < clock_timestamp() - %(silent_s)s * interval '1 second'
  )
