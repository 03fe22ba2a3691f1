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
 *	  Anybody who reads such a view calls it, so anybody can call it with what he
 *	  likes.  States of internal type are sealed, and others than those that a view
 *	  of this database has written for the aggregate are refused (see
 *	  aggregate/sealed_state.c).  Other states are values of ordinary types, with
 *	  which anybody may call the aggregate's functions himself.  Types must be
 *	  those of a call that the parser would make, since the functions rely on it.
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

/* Which kind of aggregate it is; an error if the user may not call it. */
static char
check_aggregate(Oid aggfnoid)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggfnoid));
	char		kind;
	AclResult	acl;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("aggregate with OID %u does not exist", aggfnoid)));
	kind = ((Form_pg_aggregate) GETSTRUCT(tuple))->aggkind;
	ReleaseSysCache(tuple);
	acl = object_aclcheck(ProcedureRelationId, aggfnoid, GetUserId(), ACL_EXECUTE);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_AGGREGATE, get_func_name(aggfnoid));
	return kind;
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
	call->aggkind = check_aggregate(aggfnoid);
	if (!sa_aggregate_is_combinable(call))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("states of aggregate %s cannot be combined",
						format_procedure(aggfnoid))));
	return call;
}

/*
 * Whether an aggregate can have been called with arguments of these types.  An
 * argument has its declared type or one that the parser leaves alone: a domain
 * over it, a row type for record.  VARIADIC "any" is one argument or more; of
 * other variadic arguments the parser has made an array.
 */
static bool
arguments_fit(Form_pg_proc form, const Oid *actual, int nactual)
{
	const Oid  *declared = form->proargtypes.values;

	if (form->provariadic == ANYOID ? nactual < form->pronargs : nactual != form->pronargs)
		return false;
	for (int i = 0; i < form->pronargs; i++)
	{
		if (!IsPolymorphicType(declared[i]) && !IsBinaryCoercible(actual[i], declared[i]))
			return false;
	}
	return check_generic_type_consistency(actual, declared, form->pronargs);
}

/*
 * Raises an error unless argument and result types are those of a call of the
 * aggregate.  Whatever else looks at the types comes later.
 */
static void
check_call_types(const Aggref *call)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->aggfnoid));
	Form_pg_proc form;
	Oid			declared[FUNC_MAX_ARGS];
	Oid			actual[FUNC_MAX_ARGS];
	int			nactual = 0;
	Oid			result;
	ListCell   *lc;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", call->aggfnoid);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	foreach(lc, call->aggargtypes)
		actual[nactual++] = lfirst_oid(lc);
	if (!arguments_fit(form, actual, nactual))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("types of arguments are not those of aggregate %s",
						format_procedure(call->aggfnoid)),
				 errhint("Give one argument after the state for each of the aggregate's.")));

	memcpy(declared, form->proargtypes.values, sizeof(Oid) * form->pronargs);
	result = enforce_generic_type_consistency(actual, declared, form->pronargs,
											  form->prorettype, false);
	ReleaseSysCache(tuple);
	/* for a domain a view wants the type below it, since a window may have no value */
	if (result != call->aggtype && getBaseType(result) != call->aggtype)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("result of aggregate %s is of type %s, not %s",
						format_procedure(call->aggfnoid), format_type_be(result),
						format_type_be(call->aggtype))));
}

static void
check_state_type(const SaAggregate *aggregate, Oid type)
{
	if (type != aggregate->state_type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("state of aggregate %s is of type %s, not %s",
						format_procedure(aggregate->aggref->aggfnoid),
						format_type_be(aggregate->state_type), format_type_be(type))));
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
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	aggregate.aggref = make_call(outer, PG_GETARG_OID(1));
	check_call_types(aggregate.aggref);
	sa_aggregate_resolve_state(&aggregate);
	check_state_type(&aggregate, lthird_oid(outer->aggargtypes));
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
