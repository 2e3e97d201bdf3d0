CREATE OR REPLACE VIEW {view} AS SELECT {columns} FROM {table} AS kept WHERE {seen}
