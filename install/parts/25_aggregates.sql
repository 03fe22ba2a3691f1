/*
 * first, last, last_n, top_n: values chosen by what stands beside them.  Each
 * gives what sorting the group's rows would give, in one pass, with memory for
 * no more rows than it returns; continuous views keep them from batch to batch
 * without keeping rows.
 *
 *	first(value, ordering)		(array_agg(value ORDER BY ordering, value))[1]
 *	last(value, ordering)		(array_agg(value ORDER BY ordering DESC, value))[1]
 *	top_n(value, ordering, n)	(array_agg(value ORDER BY ordering DESC, value))[1:n]
 *	last_n(value, ordering, n)	the same, the other way round: the oldest first
 *
 * - Rows whose ordering is NULL don't count.  If no row counts, the result is
 *	 NULL.
 * - A NULL value is a value: first is NULL if the first row's value is.  Use
 *	 FILTER (WHERE value IS NOT NULL) to skip those.
 * - Of rows with equal ordering the one with the least value comes first, in all
 *	 four, NULL being greater than any value.  Values that are equal without being
 *	 the same (1.0 and 1.00), and values of types that have no order (json,
 *	 anonymous rows), are compared by their bytes: which one wins then means
 *	 nothing, but is the same always.  So no result depends on the order in which
 *	 rows arrive.  For an order of one's own among equals, order by several
 *	 things: last(value, (ts, id)).
 * - Text is compared by the collation of the arguments.
 * - n is from 1 to 10000 and the same for all rows of a group; fewer rows than n
 *	 give a shorter array.
 *
 * last_n and top_n give arrays of values, so that arrays can't be values; rows
 * that hold arrays can.
 *
 * The argument types are those of first and last in other extensions: where such
 * an extension has taken the names in the same schema already, CREATE EXTENSION
 * fails instead of making the other's calls ambiguous.  Another schema will do.
 */

-- support functions

CREATE FUNCTION stream_agg.first_transition(
	state internal, value anyelement, ordering "any")
	RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_first_transition';
COMMENT ON FUNCTION stream_agg.first_transition(internal, anyelement, "any")
	IS 'aggregate transition function of first';

CREATE FUNCTION stream_agg.last_transition(
	state internal, value anyelement, ordering "any")
	RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_last_transition';
COMMENT ON FUNCTION stream_agg.last_transition(internal, anyelement, "any")
	IS 'aggregate transition function of last';

CREATE FUNCTION stream_agg.top_transition(
	state internal, value anyelement, ordering "any", n integer)
	RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_top_transition';
COMMENT ON FUNCTION stream_agg.top_transition(
	internal, anyelement, "any", integer)
	IS 'aggregate transition function of last_n and top_n';

CREATE FUNCTION stream_agg.ordered_combine(state internal, other internal)
	RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_ordered_combine';
COMMENT ON FUNCTION stream_agg.ordered_combine(internal, internal)
	IS 'aggregate combine function of first, last, last_n and top_n';

CREATE FUNCTION stream_agg.ordered_serialize(state internal)
	RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_ordered_serialize';
COMMENT ON FUNCTION stream_agg.ordered_serialize(internal)
	IS 'aggregate serial function of first, last, last_n and top_n';

CREATE FUNCTION stream_agg.ordered_deserialize(stored bytea, state internal)
	RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_ordered_deserialize';
COMMENT ON FUNCTION stream_agg.ordered_deserialize(bytea, internal)
	IS 'aggregate deserial function of first, last, last_n and top_n';

CREATE FUNCTION stream_agg.ordered_value(
	state internal, value anyelement, ordering "any")
	RETURNS anyelement
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_ordered_value';
COMMENT ON FUNCTION stream_agg.ordered_value(internal, anyelement, "any")
	IS 'aggregate final function of first and last';

CREATE FUNCTION stream_agg.last_n_final(
	state internal, value anyelement, ordering "any", n integer)
	RETURNS anyarray
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_last_n_final';
COMMENT ON FUNCTION stream_agg.last_n_final(internal, anyelement, "any", integer)
	IS 'aggregate final function of last_n';

CREATE FUNCTION stream_agg.top_n_final(
	state internal, value anyelement, ordering "any", n integer)
	RETURNS anyarray
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_top_n_final';
COMMENT ON FUNCTION stream_agg.top_n_final(internal, anyelement, "any", integer)
	IS 'aggregate final function of top_n';

-- aggregates

CREATE AGGREGATE @extschema@.first(value anyelement, ordering "any") (
	SFUNC = stream_agg.first_transition,
	STYPE = internal,
	SSPACE = 256,
	FINALFUNC = stream_agg.ordered_value,
	FINALFUNC_EXTRA,
	COMBINEFUNC = stream_agg.ordered_combine,
	SERIALFUNC = stream_agg.ordered_serialize,
	DESERIALFUNC = stream_agg.ordered_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.first(anyelement, "any")
	IS 'the value of the row with the least ordering';

CREATE AGGREGATE @extschema@.last(value anyelement, ordering "any") (
	SFUNC = stream_agg.last_transition,
	STYPE = internal,
	SSPACE = 256,
	FINALFUNC = stream_agg.ordered_value,
	FINALFUNC_EXTRA,
	COMBINEFUNC = stream_agg.ordered_combine,
	SERIALFUNC = stream_agg.ordered_serialize,
	DESERIALFUNC = stream_agg.ordered_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.last(anyelement, "any")
	IS 'the value of the row with the greatest ordering';

CREATE AGGREGATE @extschema@.last_n(value anyelement, ordering "any", n integer) (
	SFUNC = stream_agg.top_transition,
	STYPE = internal,
	SSPACE = 1000,
	FINALFUNC = stream_agg.last_n_final,
	FINALFUNC_EXTRA,
	COMBINEFUNC = stream_agg.ordered_combine,
	SERIALFUNC = stream_agg.ordered_serialize,
	DESERIALFUNC = stream_agg.ordered_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.last_n(anyelement, "any", integer)
	IS 'values of the n rows with the greatest ordering, by ascending ordering';

CREATE AGGREGATE @extschema@.top_n(value anyelement, ordering "any", n integer) (
	SFUNC = stream_agg.top_transition,
	STYPE = internal,
	SSPACE = 1000,
	FINALFUNC = stream_agg.top_n_final,
	FINALFUNC_EXTRA,
	COMBINEFUNC = stream_agg.ordered_combine,
	SERIALFUNC = stream_agg.ordered_serialize,
	DESERIALFUNC = stream_agg.ordered_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.top_n(anyelement, "any", integer)
	IS 'values of the n rows with the greatest ordering, by descending ordering';

-- states of other aggregates

CREATE FUNCTION stream_agg.combine_transition(internal, regprocedure, anyelement, VARIADIC "any")
	RETURNS internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_combine_transition';
COMMENT ON FUNCTION stream_agg.combine_transition(internal, regprocedure, anyelement, VARIADIC "any")
	IS 'internal: adds a stored state to a sum';

CREATE FUNCTION stream_agg.combine_final(internal, regprocedure, anyelement, VARIADIC "any")
	RETURNS anyelement
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'stream_agg_combine_final';
COMMENT ON FUNCTION stream_agg.combine_final(internal, regprocedure, anyelement, VARIADIC "any")
	IS 'internal: value of a sum of stored states';

CREATE AGGREGATE stream_agg.combine_states(aggregate regprocedure, result anyelement, VARIADIC state_and_arguments "any")
(
	SFUNC = stream_agg.combine_transition,
	STYPE = internal,
	FINALFUNC = stream_agg.combine_final,
	FINALFUNC_EXTRA,
	FINALFUNC_MODIFY = READ_WRITE
);
COMMENT ON AGGREGATE stream_agg.combine_states(regprocedure, anyelement, VARIADIC "any")
	IS 'internal: value of an aggregate from stored states of it; of result and further arguments only the types count';
