DESCRIBE SELECT {value} FROM events
