-- The tags of a range of positions, for verification.
SELECT position, tag FROM event_tag WHERE position > %(after)s AND position <= %(upto)s
