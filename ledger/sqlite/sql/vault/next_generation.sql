-- Every write moves it, in the same transaction.
UPDATE vault SET generation = generation + 1
