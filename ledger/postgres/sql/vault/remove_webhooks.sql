-- Nobody sends from these sources any more.
DELETE FROM webhook WHERE digest = ANY (%b::bytea[])
