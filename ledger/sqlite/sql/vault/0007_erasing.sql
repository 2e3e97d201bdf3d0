-- People whose erasure has begun: no key of theirs is made or opened from here on.
CREATE TABLE erasing (
    subject BLOB PRIMARY KEY CHECK (length(subject) = 16)
) STRICT, WITHOUT ROWID;
