-- Gives the space of row versions that nobody sees any more to later ones. Pages that hold none are passed
-- over, so a book of any size is done soon; index by index, since a few are gone and not one.
VACUUM (INDEX_CLEANUP ON) event, event_tag
