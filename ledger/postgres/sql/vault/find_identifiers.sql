-- What each of these identifiers stands for, wrapped.
SELECT digest, epoch, wrapped FROM identifier WHERE digest = ANY (%b::bytea[])
