/*-------------------------------------------------------------------------
 *
 * combine_states.c
 *	  The aggregate that makes the value of another one from its stored states.
 *
 * NOTES
 *	  combine_states(aggregate regprocedure, result, state, arguments …) stands in
 *	  views whose windows are made of panes.  Of result and arguments only the
 *	  types and collations count: they are what a call of the aggregate would
 *	  have, and it may need them.
 *
 *	  Anybody who reads such a view calls it, so anybody can call it with states
 *	  of his own making.  States of internal type are as safe as the aggregate's
 *	  deserialization function.  Those of array_agg are not; views don't store
 *	  them (see aggregate_call.c), and they are refused here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "aggregate/state.h"
#include "base/compat.h"
#include "stream_agg.h"

SA_FUNCTION_INFO_V1(stream_agg_combine_transition);
SA_FUNCTION_INFO_V1(stream_agg_combine_final);

/* Transition value: one group's sum. */
typedef struct Combination
{
	SaStateFunctions *functions;	/* of the call; all groups have the same */
	SaStateDatum sum;
} Combination;

static void
check_aggregate(Oid aggfnoid)
{
	AclResult	acl;

	if (!SearchSysCacheExists1(AGGFNOID, ObjectIdGetDatum(aggfnoid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("aggregate with OID %u does not exist", aggfnoid)));
	acl = object_aclcheck(ProcedureRelationId, aggfnoid, GetUserId(), ACL_EXECUTE);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_AGGREGATE, get_func_name(aggfnoid));
}

/* The call whose states are combined, from the call of combine_states(). */
static Aggref *
make_call(Aggref *outer, Oid aggfnoid)
{
	Aggref	   *call = makeNode(Aggref);

	call->aggfnoid = aggfnoid;
	call->aggtype = outer->aggtype;
	call->aggcollid = outer->aggcollid;
	call->inputcollid = outer->inputcollid;
	call->aggargtypes = list_copy_tail(outer->aggargtypes, 3);
	call->aggkind = AGGKIND_NORMAL;
	return call;
}

/* What must be right before a state may be read. */
static void
check_state_type(const SaAggregate *aggregate, Oid type)
{
	if (!sa_aggregate_is_combinable(aggregate->aggref))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("states of aggregate %s cannot be combined",
						format_procedure(aggregate->aggref->aggfnoid))));
	if (type != aggregate->state_type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("state of aggregate %s is of type %s, not %s",
						format_procedure(aggregate->aggref->aggfnoid),
						format_type_be(type), format_type_be(aggregate->state_type))));
}

static void
check_result_type(const Aggref *call)
{
	Oid			declared[FUNC_MAX_ARGS];
	Oid			actual[FUNC_MAX_ARGS];
	int			nargs = 0;
	Oid			result;
	ListCell   *lc;
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->aggfnoid));
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
	bool		matches = list_length(call->aggargtypes) == form->pronargs;

	foreach(lc, call->aggargtypes)
		actual[nargs++] = lfirst_oid(lc);
	memcpy(declared, form->proargtypes.values, sizeof(Oid) * form->pronargs);
	result = form->prorettype;
	if (matches || OidIsValid(form->provariadic))
		result = enforce_generic_type_consistency(actual, declared,
												  Min(nargs, form->pronargs), result, false);
	ReleaseSysCache(tuple);
	if (result != call->aggtype)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("result of aggregate %s is of type %s, not %s",
						format_procedure(call->aggfnoid), format_type_be(result),
						format_type_be(call->aggtype))));
}

static SaStateFunctions *
call_functions(FunctionCallInfo fcinfo)
{
	Aggref	   *outer = AggGetAggref(fcinfo);
	SaAggregate aggregate = {0};
	SaStateFunctions *functions;
	MemoryContext old;

	if (fcinfo->flinfo->fn_extra != NULL)
		return fcinfo->flinfo->fn_extra;
	if (outer == NULL || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("aggregate whose states are combined must not be null")));
	check_aggregate(PG_GETARG_OID(1));
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	aggregate.aggref = make_call(outer, PG_GETARG_OID(1));
	sa_aggregate_resolve_state(&aggregate);
	check_state_type(&aggregate, lthird_oid(outer->aggargtypes));
	check_result_type(aggregate.aggref);
	functions = sa_state_functions(&aggregate);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = functions;
	return functions;
}

/*
 * combine_transition(internal, aggregate regprocedure, result anyelement,
 *					  state, VARIADIC "any") → internal
 */
Datum
stream_agg_combine_transition(PG_FUNCTION_ARGS)
{
	MemoryContext aggcontext;
	Combination *combination = PG_ARGISNULL(0) ? NULL : (Combination *) PG_GETARG_POINTER(0);
	SaStateDatum state = {PG_GETARG_DATUM(3), PG_ARGISNULL(3)};
	bool		is_first = combination == NULL;

	if (AggCheckCallContext(fcinfo, &aggcontext) == 0)
		elog(ERROR, "support function of an aggregate called outside of one");
	if (is_first)
	{
		combination = MemoryContextAllocZero(aggcontext, sizeof(Combination));
		combination->functions = call_functions(fcinfo);
	}
	sa_state_sum(combination->functions, aggcontext, is_first, &combination->sum, &state);
	PG_RETURN_POINTER(combination);
}

/*
 * combine_final(internal, …) → type of "result"
 */
Datum
stream_agg_combine_final(PG_FUNCTION_ARGS)
{
	MemoryContext aggcontext;
	Combination *combination;
	SaStateDatum value;

	if (AggCheckCallContext(fcinfo, &aggcontext) == 0)
		elog(ERROR, "support function of an aggregate called outside of one");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	combination = (Combination *) PG_GETARG_POINTER(0);
	value = sa_state_value(combination->functions, aggcontext, combination->sum);
	if (value.isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(value.value);
}
