/* Tests of the authentication codes of stream_agg; never installed with it. */
\echo Use "CREATE EXTENSION stream_agg_mac_test" to load this file. \quit

CREATE FUNCTION mac(key bytea, message bytea) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
