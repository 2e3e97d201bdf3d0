-- These secrets of keys are over.
DELETE FROM api_key WHERE digest = ANY (%b::bytea[])
