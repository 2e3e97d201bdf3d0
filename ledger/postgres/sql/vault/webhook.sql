-- Who sends from a source, wrapped.
SELECT digest, epoch, wrapped FROM webhook WHERE digest = %b
