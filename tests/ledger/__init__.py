"""What the book promises, whatever it is kept in, and what the catalogue promises of every type."""
