-- What has had its time is found without reading the rest.
CREATE INDEX suppression_until ON suppression (until);
