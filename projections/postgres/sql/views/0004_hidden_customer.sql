-- Whom the views show to nobody who reads them here: they are gone, or their data is restricted.
CREATE TABLE hidden_customer (
    customer uuid NOT NULL PRIMARY KEY
);

COMMENT ON TABLE hidden_customer IS 'Customers whom no view shows';
