"""Tools that judge from outside: they know a part by its public promise alone."""
