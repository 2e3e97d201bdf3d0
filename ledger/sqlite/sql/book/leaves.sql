SELECT leaf FROM event WHERE position > :after AND position <= :upto ORDER BY position
