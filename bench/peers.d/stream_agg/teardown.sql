-- Ends the reader.
DROP FOREIGN TABLE IF EXISTS events CASCADE;
