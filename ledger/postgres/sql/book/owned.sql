-- Whether whoever asks has the rights of the owner: nobody else can remove bytes and vacuum them away.
SELECT bool_and(pg_has_role(relowner, 'USAGE'))
FROM pg_class WHERE oid IN ('event'::regclass, 'event_tag'::regclass)
