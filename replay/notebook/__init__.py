"""History for notebooks: `History`, what it answers with, and many days from one reading."""
