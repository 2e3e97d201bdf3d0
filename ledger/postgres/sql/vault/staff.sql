-- The name behind an actor id, wrapped.
SELECT epoch, wrapped FROM staff WHERE id = %b
