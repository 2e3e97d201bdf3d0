-- The leaf of RFC 6962 over time, envelope and sealed blobs: `ledger.event.leaf_hash`, made here
-- because the time is known under the lock alone.
CREATE FUNCTION leaf_hash(recorded_us bigint, body bytea, personal bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE
RETURN sha256(
    '\x00'::bytea || int8send(recorded_us) || int4send(octet_length(body)) || body || personal
);
