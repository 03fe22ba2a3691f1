-- Documents that a second thread scans are the same documents, also when that
-- thread falls far behind in the middle of some.
SELECT decode_ahead(1), decode_ahead(64), decode_ahead(65), decode_ahead(5000);
SELECT decode_ahead(60000);
