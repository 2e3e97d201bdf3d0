-- What an identifier stands for, wrapped.
SELECT digest, epoch, wrapped FROM identifier WHERE digest = ?
