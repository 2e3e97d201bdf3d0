-- Whether these are values of the types that they are cast to.
SELECT {values}
