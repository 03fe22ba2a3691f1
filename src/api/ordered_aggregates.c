/*-------------------------------------------------------------------------
 *
 * ordered_aggregates.c
 *	  The support functions of first, last, last_n and top_n.
 *
 * NOTES
 *	  What the aggregates mean is in install/parts/25_aggregates.sql, how their
 *	  state works in aggregate/ordered_state.c.  All four share the functions
 *	  for combining, writing and reading states; last_n and top_n also the
 *	  transition function, so that PostgreSQL computes one state for both when
 *	  they have the same arguments.  So final functions leave the state alone.
 *
 *	  Which types a state is about follows from the aggregate in the query and
 *	  is never stored.  Transition and final functions see the types of their
 *	  arguments.  Combine functions see nothing but "internal", and ask for the
 *	  aggregate's own expression.  A deserialize function can't even do that: the
 *	  executor calls it without saying for which aggregate.  So it makes a
 *	  transition value that merely points to the bytes; they are read when it
 *	  is used.
 *
 *	  The types are looked up once per call site (fn_extra).  A state points to
 *	  those of the call site that made it, which live as long as the query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "aggregate/ordered_state.h"
#include "base/compat.h"
#include "stream_agg.h"

/* The transition value: one of the two is set. */
typedef struct OrderedTransition
{
	SaOrderedState *state;
	bytea	   *stored;			/* not yet read; belongs to the caller */
} OrderedTransition;

static Datum transition(FunctionCallInfo fcinfo, bool greatest, int limit);
static int	limit_argument(FunctionCallInfo fcinfo, const SaOrderedState *state);
static MemoryContext aggregate_context(FunctionCallInfo fcinfo);
static OrderedTransition *transition_argument(FunctionCallInfo fcinfo, int n);
static SaOrderedTypes *argument_types(FunctionCallInfo fcinfo);
static SaOrderedTypes *aggregate_types(FunctionCallInfo fcinfo);
static SaOrderedTypes *cache_types(FunctionCallInfo fcinfo, Oid value, Oid ordering);
static SaOrderedState *read_transition(OrderedTransition *trans, SaOrderedTypes *types);
static SaOrderedItem *final_items(FunctionCallInfo fcinfo, int *count);
static Datum array_of_items(FunctionCallInfo fcinfo, bool best_first);

SA_FUNCTION_INFO_V1(stream_agg_first_transition);
SA_FUNCTION_INFO_V1(stream_agg_last_transition);
SA_FUNCTION_INFO_V1(stream_agg_top_transition);
SA_FUNCTION_INFO_V1(stream_agg_ordered_combine);
SA_FUNCTION_INFO_V1(stream_agg_ordered_serialize);
SA_FUNCTION_INFO_V1(stream_agg_ordered_deserialize);
SA_FUNCTION_INFO_V1(stream_agg_ordered_value);
SA_FUNCTION_INFO_V1(stream_agg_last_n_final);
SA_FUNCTION_INFO_V1(stream_agg_top_n_final);

/*
 * first_transition(internal, value, ordering)
 */
Datum
stream_agg_first_transition(PG_FUNCTION_ARGS)
{
	return transition(fcinfo, false, 1);
}

/*
 * last_transition(internal, value, ordering)
 */
Datum
stream_agg_last_transition(PG_FUNCTION_ARGS)
{
	return transition(fcinfo, true, 1);
}

/*
 * top_transition(internal, value, ordering, n)
 */
Datum
stream_agg_top_transition(PG_FUNCTION_ARGS)
{
	OrderedTransition *trans = transition_argument(fcinfo, 0);

	return transition(fcinfo, true,
					  limit_argument(fcinfo, trans == NULL ? NULL : trans->state));
}

/*
 * ordered_combine(internal, internal)
 */
Datum
stream_agg_ordered_combine(PG_FUNCTION_ARGS)
{
	OrderedTransition *into = transition_argument(fcinfo, 0);
	OrderedTransition *from = transition_argument(fcinfo, 1);
	SaOrderedTypes *types;
	SaOrderedState *other;
	MemoryContext old;

	if (from == NULL)
	{
		if (into == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(into);
	}

	types = aggregate_types(fcinfo);
	other = read_transition(from, types);
	old = MemoryContextSwitchTo(aggregate_context(fcinfo));
	if (into == NULL)
	{
		into = palloc0(sizeof(OrderedTransition));
		into->state = sa_ordered_state_like(other);
	}
	else
		into->state = read_transition(into, types);
	MemoryContextSwitchTo(old);
	sa_ordered_state_merge(into->state, other);
	PG_RETURN_POINTER(into);
}

/*
 * ordered_serialize(internal) → bytea
 */
Datum
stream_agg_ordered_serialize(PG_FUNCTION_ARGS)
{
	OrderedTransition *trans = transition_argument(fcinfo, 0);

	(void) aggregate_context(fcinfo);
	if (trans->state == NULL)
		PG_RETURN_BYTEA_P(PG_DETOAST_DATUM_COPY(PointerGetDatum(trans->stored)));
	PG_RETURN_BYTEA_P(sa_ordered_state_write(trans->state));
}

/*
 * ordered_deserialize(bytea, internal)
 */
Datum
stream_agg_ordered_deserialize(PG_FUNCTION_ARGS)
{
	OrderedTransition *trans = palloc0(sizeof(OrderedTransition));

	(void) aggregate_context(fcinfo);
	trans->stored = PG_GETARG_BYTEA_PP(0);
	PG_RETURN_POINTER(trans);
}

/*
 * ordered_value(internal, value, ordering): the value of first and last.
 */
Datum
stream_agg_ordered_value(PG_FUNCTION_ARGS)
{
	int			count;
	SaOrderedItem *items = final_items(fcinfo, &count);
	int16		typlen;
	bool		typbyval;

	if (count == 0 || items[0].value_isnull)
		PG_RETURN_NULL();
	/* the result may outlive the state */
	get_typlenbyval(get_fn_expr_argtype(fcinfo->flinfo, 1), &typlen, &typbyval);
	PG_RETURN_DATUM(datumCopy(items[0].value, typbyval, typlen));
}

/*
 * last_n_final(internal, value, ordering, n): values by ascending ordering.
 */
Datum
stream_agg_last_n_final(PG_FUNCTION_ARGS)
{
	return array_of_items(fcinfo, false);
}

/*
 * top_n_final(internal, value, ordering, n): values by descending ordering.
 */
Datum
stream_agg_top_n_final(PG_FUNCTION_ARGS)
{
	return array_of_items(fcinfo, true);
}

static Datum
transition(FunctionCallInfo fcinfo, bool greatest, int limit)
{
	OrderedTransition *trans = transition_argument(fcinfo, 0);
	MemoryContext context = aggregate_context(fcinfo);
	SaOrderedItem item;

	if (PG_ARGISNULL(2))
	{
		if (trans == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(trans);
	}
	if (trans == NULL)
	{
		SaOrderedTypes *types = argument_types(fcinfo);
		MemoryContext old = MemoryContextSwitchTo(context);

		trans = palloc0(sizeof(OrderedTransition));
		trans->state = sa_ordered_state(types, greatest, limit);
		MemoryContextSwitchTo(old);
	}
	item.value_isnull = PG_ARGISNULL(1);
	item.value = PG_GETARG_DATUM(1);
	item.ordering = PG_GETARG_DATUM(2);
	sa_ordered_state_add(trans->state, &item);
	PG_RETURN_POINTER(trans);
}

/*
 * The argument n.  "state" is what earlier rows of the group have made.
 */
static int
limit_argument(FunctionCallInfo fcinfo, const SaOrderedState *state)
{
	int32		n;

	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("number of values must not be null"),
				 errhint("Give a number from 1 to %d.", SA_ORDERED_MAX_LIMIT)));
	n = PG_GETARG_INT32(3);
	if (n < 1 || n > SA_ORDERED_MAX_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of values is %d, which is out of range", n),
				 errhint("Give a number from 1 to %d.", SA_ORDERED_MAX_LIMIT)));
	if (state != NULL && sa_ordered_state_limit(state) != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of values must be the same for all rows of a group"),
				 errdetail("It was %d before, and is %d now.",
						   sa_ordered_state_limit(state), n)));
	return n;
}

/* What lives as long as the aggregate's state; an error outside of one. */
static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (AggCheckCallContext(fcinfo, &context) == 0)
		elog(ERROR, "support function of an aggregate called outside of one");
	return context;
}

static OrderedTransition *
transition_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : (OrderedTransition *) PG_GETARG_POINTER(n);
}

/* For a transition or final function: the types of its arguments. */
static SaOrderedTypes *
argument_types(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra != NULL)
		return fcinfo->flinfo->fn_extra;
	return cache_types(fcinfo, get_fn_expr_argtype(fcinfo->flinfo, 1),
					   get_fn_expr_argtype(fcinfo->flinfo, 2));
}

/*
 * For a combine function: the argument types of the aggregate, which its
 * expression has also where states are combined.
 */
static SaOrderedTypes *
aggregate_types(FunctionCallInfo fcinfo)
{
	Aggref	   *aggref;

	if (fcinfo->flinfo->fn_extra != NULL)
		return fcinfo->flinfo->fn_extra;
	aggref = AggGetAggref(fcinfo);
	if (aggref == NULL || list_length(aggref->aggargtypes) < 2)
		elog(ERROR, "could not determine the argument types of an aggregate");
	return cache_types(fcinfo, linitial_oid(aggref->aggargtypes),
					   lsecond_oid(aggref->aggargtypes));
}

static SaOrderedTypes *
cache_types(FunctionCallInfo fcinfo, Oid value, Oid ordering)
{
	MemoryContext old;

	if (!OidIsValid(value) || !OidIsValid(ordering))
		elog(ERROR, "could not determine the argument types of an aggregate");
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	fcinfo->flinfo->fn_extra = sa_ordered_types(value, ordering, PG_GET_COLLATION());
	MemoryContextSwitchTo(old);
	return fcinfo->flinfo->fn_extra;
}

static SaOrderedState *
read_transition(OrderedTransition *trans, SaOrderedTypes *types)
{
	return trans->state != NULL ? trans->state :
		sa_ordered_state_read(types, trans->stored);
}

/* The items of a final function's state, best first; none if it is NULL. */
static SaOrderedItem *
final_items(FunctionCallInfo fcinfo, int *count)
{
	OrderedTransition *trans = transition_argument(fcinfo, 0);

	(void) aggregate_context(fcinfo);
	*count = 0;
	if (trans == NULL)
		return NULL;
	if (trans->state == NULL)
		return sa_ordered_state_items(sa_ordered_state_read(argument_types(fcinfo),
															trans->stored), count);
	return sa_ordered_state_items(trans->state, count);
}

static Datum
array_of_items(FunctionCallInfo fcinfo, bool best_first)
{
	int			count;
	SaOrderedItem *items = final_items(fcinfo, &count);
	Oid			typid = get_fn_expr_argtype(fcinfo->flinfo, 1);
	int			lbound = 1;
	Datum	   *values;
	bool	   *nulls;
	int16		typlen;
	bool		typbyval;
	char		typalign;

	if (count == 0)
		PG_RETURN_NULL();
	values = palloc(sizeof(Datum) * count);
	nulls = palloc(sizeof(bool) * count);
	for (int i = 0; i < count; i++)
	{
		int			at = best_first ? i : count - 1 - i;

		values[at] = items[i].value;
		nulls[at] = items[i].value_isnull;
	}
	get_typlenbyvalalign(typid, &typlen, &typbyval, &typalign);
	PG_RETURN_ARRAYTYPE_P(construct_md_array(values, nulls, 1, &count, &lbound, typid,
											 typlen, typbyval, typalign));
}
