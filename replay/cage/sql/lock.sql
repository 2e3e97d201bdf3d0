-- Nothing outside is within reach any more but the files that were allowed, and nothing can bring it back.
SET enable_external_access = false;
SET autoinstall_known_extensions = false;
SET autoload_known_extensions = false;
SET lock_configuration = true;
