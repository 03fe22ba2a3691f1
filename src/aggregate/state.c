/*-------------------------------------------------------------------------
 *
 * state.c
 *	  Combining stored transition states, and computing values from them.
 *
 * NOTES
 *	  What the upper half of a parallel aggregate does in an Agg node, done here
 *	  for one group at a time, with the same rules: a strict combine function is
 *	  not called for a NULL state, a strict final function not for a NULL result.
 *
 *	  Support functions insist on being called by an aggregate, and take memory
 *	  from its context.  They get an AggState of which only that part is real:
 *	  AggCheckCallContext(), AggGetAggref() and AggRegisterCallback() work.
 *
 *	  Combine functions may change their first argument in place, so a state
 *	  that came from a table is copied before.  A final function may destroy an
 *	  internal state, so the state is serialized first.
 *
 *	  No state from outside gets to a deserialization function unless it was
 *	  sealed here (sealed_state.c).  What is sealed are results of serialization
 *	  functions: our own calls, and deltas, which the executor has just made.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/nodeAgg.h"
#include "nodes/makefuncs.h"
#include "parser/parse_agg.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "aggregate/sealed_state.h"
#include "aggregate/state.h"

/* One support function with its call frame; fcinfo is NULL if there is none. */
typedef struct SupportFunction
{
	FmgrInfo	flinfo;
	FunctionCallInfo fcinfo;
} SupportFunction;

struct SaStateFunctions
{
	const Aggref *aggref;		/* the call; the caller's */
	bool		internal;		/* states are stored serialized */
	int16		typlen;			/* of the transition type */
	bool		typbyval;
	bool		final_modifies; /* the final function may change its argument */

	SupportFunction combine;
	SupportFunction serialize;
	SupportFunction deserialize;
	SupportFunction final;

	/* for internal states: made when the first one wants it */
	bool		has_key;
	SaMacKey	key;

	ExprContext *aggcontext;	/* what the functions keep for the aggregate */
	AggState   *aggstate;

	/* states added so far, combined; lives in aggcontext */
	bool		any_added;
	SaStateDatum sum;
};

static void
setup_function(SupportFunction *function, Oid funcid, int nargs, Expr *expr,
			   Oid collation, AggState *aggstate)
{
	fmgr_info(funcid, &function->flinfo);
	fmgr_info_set_expr((Node *) expr, &function->flinfo);
	function->fcinfo = palloc0(SizeForFunctionCallInfo(nargs));
	InitFunctionCallInfoData(*function->fcinfo, &function->flinfo, nargs, collation,
							 (Node *) aggstate, NULL);
}

static AggState *
make_agg_state(const Aggref *aggref, ExprContext *aggcontext)
{
	AggState   *aggstate = makeNode(AggState);
	AggStatePerTrans pertrans = palloc0(sizeof(AggStatePerTransData));

	pertrans->aggref = unconstify(Aggref *, aggref);
	aggstate->curaggcontext = aggcontext;
	aggstate->tmpcontext = aggcontext;
	aggstate->curpertrans = pertrans;
	return aggstate;
}

SaStateFunctions *
sa_state_functions(const SaAggregate *aggregate)
{
	const Aggref *aggref = aggregate->aggref;
	SaStateFunctions *functions = palloc0(sizeof(SaStateFunctions));
	Oid			argtypes[FUNC_MAX_ARGS];
	int			nargs = get_aggregate_argtypes(unconstify(Aggref *, aggref), argtypes);
	HeapTuple	tuple;
	Form_pg_aggregate form;
	Oid			transtype;
	Expr	   *expr;

	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggref->aggfnoid);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	transtype = resolve_aggregate_transtype(aggref->aggfnoid, form->aggtranstype,
											argtypes, nargs);

	functions->aggref = aggref;
	functions->internal = transtype == INTERNALOID;
	get_typlenbyval(transtype, &functions->typlen, &functions->typbyval);
	functions->final_modifies = form->aggfinalmodify != AGGMODIFY_READ_ONLY;
	functions->aggcontext = CreateStandaloneExprContext();
	functions->aggstate = make_agg_state(aggref, functions->aggcontext);

	/* a combine function is a transition function that takes another state */
	build_aggregate_transfn_expr(&transtype, 1, 0, false, transtype,
								 aggref->inputcollid, form->aggcombinefn,
								 InvalidOid, &expr, NULL);
	setup_function(&functions->combine, form->aggcombinefn, 2, expr,
				   aggref->inputcollid, functions->aggstate);
	if (functions->internal)
	{
		build_aggregate_serialfn_expr(form->aggserialfn, &expr);
		setup_function(&functions->serialize, form->aggserialfn, 1, expr,
					   InvalidOid, functions->aggstate);
		build_aggregate_deserialfn_expr(form->aggdeserialfn, &expr);
		setup_function(&functions->deserialize, form->aggdeserialfn, 2, expr,
					   InvalidOid, functions->aggstate);
	}
	if (OidIsValid(form->aggfinalfn))
	{
		int			nfinalargs = form->aggfinalextra ? nargs + 1 : 1;

		build_aggregate_finalfn_expr(argtypes, nfinalargs, transtype, aggref->aggtype,
									 aggref->inputcollid, form->aggfinalfn, &expr);
		setup_function(&functions->final, form->aggfinalfn, nfinalargs, expr,
					   aggref->inputcollid, functions->aggstate);
	}
	ReleaseSysCache(tuple);
	return functions;
}

/* Calls a function whose arguments are set; strict ones skip NULL arguments. */
static SaStateDatum
call_support(SupportFunction *function)
{
	FunctionCallInfo fcinfo = function->fcinfo;
	SaStateDatum result = {(Datum) 0, true};

	if (function->flinfo.fn_strict)
	{
		for (int i = 0; i < fcinfo->nargs; i++)
		{
			if (fcinfo->args[i].isnull)
				return result;
		}
	}
	fcinfo->isnull = false;
	result.value = FunctionCallInvoke(fcinfo);
	result.isnull = fcinfo->isnull;
	return result;
}

static void
set_argument(SupportFunction *function, int n, SaStateDatum argument)
{
	function->fcinfo->args[n].value = argument.value;
	function->fcinfo->args[n].isnull = argument.isnull;
}

static const SaMacKey *
sealing_key(SaStateFunctions *functions)
{
	if (!functions->has_key)
	{
		functions->key = sa_sealed_state_key(functions->deserialize.flinfo.fn_oid,
											 functions->aggref->aggargtypes);
		functions->has_key = true;
	}
	return &functions->key;
}

/* From a form of others' to one that may be changed. */
static SaStateDatum
load_state(SaStateFunctions *functions, SaStateForm form, const SaStateDatum *given)
{
	static const SaStateDatum dummy = {(Datum) 0, false};
	SaStateDatum state = *given;

	if (functions->internal)
	{
		/*
		 * A copy: the function may do its work later, when the row is gone; and it
		 * may know nothing of toasted states, which a parallel query doesn't have.
		 */
		if (!state.isnull && form == SA_STATE_STORED)
			state.value = sa_sealed_state_open(sealing_key(functions),
											   functions->aggref->aggfnoid,
											   state.value);
		else if (!state.isnull)
			state.value = PointerGetDatum(PG_DETOAST_DATUM_COPY(state.value));
		set_argument(&functions->deserialize, 0, state);
		set_argument(&functions->deserialize, 1, dummy);
		return call_support(&functions->deserialize);
	}
	if (!state.isnull && !functions->typbyval)
	{
		if (functions->typlen == -1)
			state.value = PointerGetDatum(PG_DETOAST_DATUM_COPY(state.value));
		else
			state.value = datumCopy(state.value, false, functions->typlen);
	}
	return state;
}

/* From a delta to stored form. */
static SaStateDatum
store_delta(SaStateFunctions *functions, SaStateDatum delta)
{
	if (functions->internal && !delta.isnull)
		delta.value = sa_sealed_state_seal(sealing_key(functions), delta.value);
	return delta;
}

/* From what load_state and combine return to stored form. */
static SaStateDatum
store_state(SaStateFunctions *functions, SaStateDatum state)
{
	if (!functions->internal)
		return state;
	set_argument(&functions->serialize, 0, state);
	return store_delta(functions, call_support(&functions->serialize));
}

/* The executor's rules for a strict combine function. */
static SaStateDatum
combine(SaStateFunctions *functions, SaStateDatum old, SaStateDatum delta)
{
	if (functions->combine.flinfo.fn_strict)
	{
		if (delta.isnull)
			return old;
		if (old.isnull)
			return delta;
	}
	set_argument(&functions->combine, 0, old);
	set_argument(&functions->combine, 1, delta);
	return call_support(&functions->combine);
}

static SaStateDatum
finalize(SaStateFunctions *functions, SaStateDatum state)
{
	static const SaStateDatum null_argument = {(Datum) 0, true};

	if (functions->final.fcinfo == NULL)
		return state;
	if (!functions->internal && functions->final_modifies && !state.isnull)
		state.value = datumCopy(state.value, functions->typbyval, functions->typlen);
	set_argument(&functions->final, 0, state);
	for (int i = 1; i < functions->final.fcinfo->nargs; i++)
		set_argument(&functions->final, i, null_argument);
	return call_support(&functions->final);
}

void
sa_state_merge(SaStateFunctions *functions,
			   const SaStateDatum *old, const SaStateDatum *delta,
			   SaStateDatum *state, SaStateDatum *value)
{
	SaStateDatum current = load_state(functions, SA_STATE_DELTA, delta);

	if (old != NULL)
		current = combine(functions, load_state(functions, SA_STATE_STORED, old), current);

	/* the first delta need not be serialized again */
	if (functions->internal && old == NULL)
		*state = store_delta(functions, *delta);
	else
		*state = store_state(functions, current);
	if (value != NULL)
		*value = finalize(functions, current);
}

/*
 * Makes a state the sum, as the executor keeps a transition value: what is not
 * internal is copied from where the function left it, unless it changed the
 * sum in place.
 */
static void
set_sum(SaStateFunctions *functions, SaStateDatum *sum, SaStateDatum state)
{
	SaStateDatum old = *sum;
	bool		copied = !functions->typbyval && !functions->internal;

	if (copied && !state.isnull && (old.isnull || state.value != old.value))
		state.value = datumCopy(state.value, false, functions->typlen);
	if (copied && !old.isnull && (state.isnull || state.value != old.value))
		pfree(DatumGetPointer(old.value));
	*sum = state;
}

static void
add_to_sum(SaStateFunctions *functions, MemoryContext aggcontext, bool is_first,
		   SaStateDatum *sum, SaStateForm form, const SaStateDatum *given)
{
	MemoryContext old_context;
	SaStateDatum state;

	functions->aggstate->curaggcontext->ecxt_per_tuple_memory = aggcontext;
	if (is_first)
	{
		old_context = MemoryContextSwitchTo(aggcontext);
		*sum = load_state(functions, form, given);
		MemoryContextSwitchTo(old_context);
		return;
	}
	state = combine(functions, *sum, load_state(functions, form, given));
	old_context = MemoryContextSwitchTo(aggcontext);
	set_sum(functions, sum, state);
	MemoryContextSwitchTo(old_context);
}

void
sa_state_sum(SaStateFunctions *functions, MemoryContext aggcontext, bool is_first,
			 SaStateDatum *sum, const SaStateDatum *stored)
{
	add_to_sum(functions, aggcontext, is_first, sum, SA_STATE_STORED, stored);
}

SaStateDatum
sa_state_value(SaStateFunctions *functions, MemoryContext aggcontext, SaStateDatum sum)
{
	functions->aggstate->curaggcontext->ecxt_per_tuple_memory = aggcontext;
	return finalize(functions, sum);
}

void
sa_state_add(SaStateFunctions *functions, SaStateForm form, const SaStateDatum *state)
{
	add_to_sum(functions, functions->aggcontext->ecxt_per_tuple_memory,
			   !functions->any_added, &functions->sum, form, state);
	functions->any_added = true;
}

void
sa_state_finish(SaStateFunctions *functions, SaStateDatum *stored, SaStateDatum *value)
{
	Assert(functions->any_added);
	*stored = store_state(functions, functions->sum);
	*value = finalize(functions, functions->sum);
}

void
sa_state_reset(SaStateFunctions *functions)
{
	ReScanExprContext(functions->aggcontext);
	functions->any_added = false;
}
