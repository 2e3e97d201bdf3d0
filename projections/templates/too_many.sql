-- How many events there are past as many as were asked for.
SELECT count(*) - ({last} - {first} + 1) FROM events
