-- The first of these positions, counted from 1, at which there is no event; 0 if there is none.
SELECT coalesce(bit_position('0'::BIT, bitstring_agg(position, {first}, {last})), 1)
FROM events
WHERE position BETWEEN {first} AND {last}
