-- The vault counts on from here.
UPDATE vault SET generation = max(generation, ?)
