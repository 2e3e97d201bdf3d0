DESCRIBE SELECT {value} FROM {relation}
