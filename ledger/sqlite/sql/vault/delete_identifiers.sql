-- An identifier names nobody any longer.
DELETE FROM identifier WHERE digest = ?
