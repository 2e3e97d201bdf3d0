SELECT {touched}
FROM events
