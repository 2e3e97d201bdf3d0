-- What an identifier stands for, wrapped.
SELECT epoch, wrapped FROM identifier WHERE digest = ?
