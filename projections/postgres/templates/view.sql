CREATE OR REPLACE VIEW {view} AS SELECT {columns} FROM {table}
