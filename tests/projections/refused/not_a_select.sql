-- not_a_select: made to be refused.
DELETE FROM events;
