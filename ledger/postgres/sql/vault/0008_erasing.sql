-- People whose erasure has begun: no key of theirs is made or opened from here on.
CREATE TABLE erasing (
    subject bytea PRIMARY KEY CHECK (octet_length(subject) = 16)
);
