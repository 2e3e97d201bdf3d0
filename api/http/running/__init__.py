"""One process that serves, folds and publishes, and what it tells of itself."""
