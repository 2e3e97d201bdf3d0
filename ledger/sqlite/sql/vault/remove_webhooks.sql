-- Nobody sends from this source any more.
DELETE FROM webhook WHERE digest = ?
