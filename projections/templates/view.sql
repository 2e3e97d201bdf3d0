CREATE TEMP VIEW {name} AS {select}
