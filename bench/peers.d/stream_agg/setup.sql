-- What is there before the stream.
CREATE EXTENSION stream_agg;
