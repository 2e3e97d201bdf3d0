-- The vault itself, one row: whose it is.
--
-- Ids, digests and secrets are bytes throughout, as in the vault's file; times are µs, UTC. What is
-- deleted or wrapped anew leaves its old row behind, in the page and in the write-ahead log. VACUUM
-- gives the place away again and overwrites nothing by itself; to be rid of it for certain takes VACUUM
-- FULL of the table (its TOAST table comes with it), which writes new files, and write-ahead logs, log
-- archives and backups that are older than that destroyed. Until then the old row is wrapped under the
-- key of its epoch, and noise once that is retired.
CREATE TABLE vault (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    ledger_id bytea CHECK (octet_length(ledger_id) = 16)
);

INSERT INTO vault DEFAULT VALUES;
