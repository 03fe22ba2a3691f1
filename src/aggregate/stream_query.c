/*-------------------------------------------------------------------------
 *
 * stream_query.c
 *	  Where in a query the stream is, and what may stand around it.
 *
 * NOTES
 *	  A batch is a part of the stream, and a view's content must not depend on
 *	  how the stream was cut into batches.  So the stream may only go through
 *	  what works row by row on its way to the top: filters, computations, and
 *	  joins in which each row of the stream stands for itself.  Everything else
 *	  is refused here, with its reason.
 *
 *	  The work is done on a copy of the query in which views have been expanded
 *	  by the rewriter and CTEs around the stream have been made subqueries.  The
 *	  way from the top down to the stream is kept as a path, so that hidden
 *	  columns can be passed up along it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "aggregate/stream_query.h"
#include "base/compat.h"
#include "metadata/stream.h"
#include "stream_agg.h"

#define MAX_DEPTH 64			/* of subqueries around the stream */

typedef struct FindContext
{
	SaStreamQuery *sq;
	ParseState *pstate;
	int			found;			/* streams met in places where they may be */
	int			path[MAX_DEPTH];
} FindContext;

static void inline_stream_ctes(Query *query);
static void find_stream(FindContext *context, Query *query, int level);
static bool locate_sublink_walker(Node *node, int *location);
static void find_in_jointree(FindContext *context, Query *query, Node *node,
							 int level, bool nullable);
static void find_window(SaStreamQuery *sq, ParseState *pstate);

void
sa_refuse(ParseState *pstate, int location, const char *reason, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s cannot be maintained in a continuous view", reason),
			 hint != NULL ? errhint("%s", hint) : 0,
			 pstate != NULL ? parser_errposition(pstate, location) : 0));
}

/* Number of streams anywhere in a query, sublinks included. */
static bool
count_streams_walker(Node *node, int *count)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_RELATION && sa_is_stream(rte->relid))
			(*count)++;
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, count_streams_walker, count,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, count_streams_walker, count);
}

static int
count_streams(Node *node)
{
	int			count = 0;

	count_streams_walker(node, &count);
	return count;
}

SaStreamQuery *
sa_stream_query_analyze(const Query *definition, ParseState *pstate)
{
	SaStreamQuery *sq = palloc0(sizeof(SaStreamQuery));
	Query	   *query = copyObject(unconstify(Query *, definition));
	FindContext context = {.sq = sq,.pstate = pstate};
	int			streams;
	List	   *rewritten;

	AcquireRewriteLocks(query, true, false);
	rewritten = QueryRewrite(query);
	Assert(list_length(rewritten) == 1);
	query = linitial_node(Query, rewritten);
	sa_flatten_group_rte(query);
	inline_stream_ctes(query);
	sq->query = query;

	streams = count_streams((Node *) query);
	if (streams == 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("the query of a continuous view reads no stream"),
				 errhint("Select from a foreign table of a server that uses the foreign-data wrapper \"%s\".",
						 SA_EXTENSION_NAME)));
	if (streams > 1)
		sa_refuse(pstate, -1, "a query that reads streams more than once",
				  "Read one stream, once; join it with ordinary tables.");

	find_stream(&context, query, 0);
	if (context.found == 0)
	{
		int			location = -1;
		bool		in_sublink = locate_sublink_walker((Node *) query, &location);

		sa_refuse(pstate, location, in_sublink ?
				  "a stream inside EXISTS, IN or another subquery expression" :
				  "a stream inside a recursive WITH query",
				  "Put the stream into FROM.");
	}
	sq->path = palloc(sizeof(int) * sq->depth);
	memcpy(sq->path, context.path, sizeof(int) * sq->depth);
	find_window(sq, pstate);
	return sq;
}

/* ------------------------------------------------------------------------
 * CTEs
 * ------------------------------------------------------------------------
 */

typedef struct InlineContext
{
	const CommonTableExpr *cte;
	int			levels_up;		/* from where the walker is to the CTE's level */
	int			references;
} InlineContext;

static bool
inline_cte_walker(Node *node, InlineContext *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		context->levels_up++;
		(void) query_tree_walker((Query *) node, inline_cte_walker, context,
								 QTW_EXAMINE_RTES_AFTER);
		context->levels_up--;
		return false;
	}
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_CTE &&
			strcmp(rte->ctename, context->cte->ctename) == 0 &&
			rte->ctelevelsup == context->levels_up)
		{
			Query	   *subquery = copyObject((Query *) context->cte->ctequery);

			/* the CTE's query sees one level less around it than before */
			IncrementVarSublevelsUp((Node *) subquery, context->levels_up, 1);
			rte->rtekind = RTE_SUBQUERY;
			rte->subquery = subquery;
			rte->security_barrier = false;
			rte->ctename = NULL;
			rte->ctelevelsup = 0;
			rte->self_reference = false;
			rte->coltypes = NIL;
			rte->coltypmods = NIL;
			rte->colcollations = NIL;
			context->references++;
		}
		return false;
	}
	return expression_tree_walker(node, inline_cte_walker, context);
}

/*
 * Makes subqueries of those CTEs that read a stream; a CTE that is used twice
 * then counts as two streams.
 */
static void
inline_stream_ctes(Query *query)
{
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);
		InlineContext context = {.cte = cte,.levels_up = -1};

		if (!IsA(cte->ctequery, Query) || cte->cterecursive ||
			count_streams(cte->ctequery) == 0)
		{
			kept = lappend(kept, cte);
			continue;
		}
		(void) inline_cte_walker((Node *) query, &context);
	}
	query->cteList = kept;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY)
			inline_stream_ctes(rte->subquery);
	}
}

/* ------------------------------------------------------------------------
 * The way to the stream
 * ------------------------------------------------------------------------
 */

/* Where the first expression of a sort or DISTINCT clause is. */
static int
clause_location(Query *query, List *clause)
{
	return exprLocation((Node *) get_sortgroupclause_tle(linitial(clause),
														 query->targetList)->expr);
}

static int
set_function_location(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (expression_returns_set((Node *) tle->expr))
			return exprLocation((Node *) tle->expr);
	}
	return -1;
}

/* Finds the first subquery expression that reads a stream. */
static bool
locate_sublink_walker(Node *node, int *location)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink) && count_streams(((SubLink *) node)->subselect) > 0)
	{
		*location = ((SubLink *) node)->location;
		return true;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, locate_sublink_walker, location, 0);
	return expression_tree_walker(node, locate_sublink_walker, location);
}

/* What no level that the stream passes may have. */
static void
check_level(Query *query, int level, ParseState *pstate)
{
	if (query->setOperations != NULL)
		sa_refuse(pstate, -1, "a set operation (UNION, INTERSECT, EXCEPT)",
				  "Create a view for each branch.");
	if (query->hasWindowFuncs)
		sa_refuse(pstate, locate_windowfunc((Node *) query->targetList), "a window function (OVER)",
				  "Use it in a query over the continuous view.");
	if (query->groupingSets != NIL)
		sa_refuse(pstate, exprLocation((Node *) query->groupingSets), "GROUPING SETS, ROLLUP or CUBE",
				  "Create a view for each grouping.");
	if (query->limitCount != NULL || query->limitOffset != NULL)
		sa_refuse(pstate,
				  exprLocation(query->limitCount != NULL ? query->limitCount :
							   query->limitOffset),
				  "LIMIT, OFFSET or FETCH FIRST",
				  "Use it in a query over the continuous view.");
	if (query->distinctClause != NIL)
		sa_refuse(pstate, clause_location(query, query->distinctClause), "SELECT DISTINCT",
				  "Use GROUP BY.");
	if (query->sortClause != NIL)
		sa_refuse(pstate, clause_location(query, query->sortClause), "ORDER BY",
				  "Use it in a query over the continuous view.");
	if (query->hasTargetSRFs)
		sa_refuse(pstate, set_function_location(query), "a set-returning function in the select list",
				  "Put the function into FROM.");
	if (query->rowMarks != NIL)
		sa_refuse(pstate, -1, "FOR UPDATE or FOR SHARE",
				  "Leave it out; the rows of a stream are never changed.");
	if (level > 0 && (query->hasAggs || query->groupClause != NIL ||
					  query->havingQual != NULL))
		sa_refuse(pstate, locate_agg_of_level((Node *) query->targetList, 0),
				  "an aggregate in a subquery over the stream",
				  "Aggregate at the top of the query.");
}

static void
find_stream(FindContext *context, Query *query, int level)
{
	ListCell   *lc;

	if (level >= MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("subqueries around the stream are nested too deeply")));
	check_level(query, level, context->pstate);
	foreach(lc, query->jointree->fromlist)
		find_in_jointree(context, query, lfirst(lc), level, false);
}

static void
find_in_rte(FindContext *context, RangeTblEntry *rte, int rtindex, int level,
			bool nullable)
{
	if (count_streams((Node *) rte) == 0 &&
		!(rte->rtekind == RTE_SUBQUERY && count_streams((Node *) rte->subquery) > 0))
		return;
	if (nullable)
		sa_refuse(context->pstate, -1, "a stream on the nullable side of an outer join",
				  "Make the stream the left side of a LEFT JOIN, or use an inner join.");

	if (rte->rtekind == RTE_RELATION)
	{
		if (rte->tablesample != NULL)
			sa_refuse(context->pstate, -1, "TABLESAMPLE",
					  "Filter the rows in WHERE.");
		context->path[level] = rtindex;
		context->sq->depth = level + 1;
		context->sq->stream = rte->relid;
		context->found++;
	}
	else if (rte->rtekind == RTE_SUBQUERY)
	{
		context->path[level] = rtindex;
		find_stream(context, rte->subquery, level + 1);
	}
	else
		sa_refuse(context->pstate, -1, "a stream inside this kind of FROM item",
				  "Put the stream into FROM.");
}

static void
find_in_jointree(FindContext *context, Query *query, Node *node, int level,
				 bool nullable)
{
	if (IsA(node, RangeTblRef))
	{
		int			rtindex = ((RangeTblRef *) node)->rtindex;

		find_in_rte(context, rt_fetch(rtindex, query->rtable), rtindex, level,
					nullable);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;
		bool		left_nullable = join->jointype == JOIN_RIGHT || join->jointype == JOIN_FULL;
		bool		right_nullable = join->jointype == JOIN_LEFT || join->jointype == JOIN_FULL;

		find_in_jointree(context, query, join->larg, level, nullable || left_nullable);
		find_in_jointree(context, query, join->rarg, level, nullable || right_nullable);
	}
	else
		elog(ERROR, "unrecognized node type: %d", (int) nodeTag(node));
}

Query *
sa_stream_query_level(const SaStreamQuery *sq, int level)
{
	Query	   *query = sq->query;

	for (int i = 0; i < level; i++)
		query = rt_fetch(sq->path[i], query->rtable)->subquery;
	return query;
}

Node *
sa_stream_query_trace(const SaStreamQuery *sq, Node *expr, int *level)
{
	*level = 0;
	for (;;)
	{
		Query	   *query = sa_stream_query_level(sq, *level);
		RangeTblEntry *rte;
		Var		   *var;

		expr = strip_implicit_coercions(expr);
		if (!IsA(expr, Var))
			return expr;
		var = (Var *) expr;
		if (var->varlevelsup != 0 || var->varattno <= 0)
			return expr;
		rte = rt_fetch(var->varno, query->rtable);
		if (rte->rtekind == RTE_JOIN)
			expr = list_nth(rte->joinaliasvars, var->varattno - 1);
		else if (rte->rtekind == RTE_SUBQUERY && *level + 1 < sq->depth &&
				 sq->path[*level] == var->varno)
		{
			expr = (Node *) get_tle_by_resno(rte->subquery->targetList,
											 var->varattno)->expr;
			(*level)++;
		}
		else
			return expr;
	}
}

SaStreamQuery
sa_stream_query_below(const SaStreamQuery *sq, int level)
{
	SaStreamQuery below = *sq;

	below.query = sa_stream_query_level(sq, level);
	below.path = sq->path + level;
	below.depth = sq->depth - level;
	below.window_level = sq->window_level - level;
	return below;
}

static bool
volatile_walker(Node *node, SaStreamQuery *sq)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		int			level;
		Node	   *source = sa_stream_query_trace(sq, node, &level);
		SaStreamQuery below;

		if (IsA(source, Var))
			return false;
		below = sa_stream_query_below(sq, level);
		return contain_volatile_functions(source) || volatile_walker(source, &below);
	}
	return expression_tree_walker(node, volatile_walker, sq);
}

bool
sa_stream_query_is_volatile(const SaStreamQuery *sq, Node *expr)
{
	SaStreamQuery levels = *sq;

	return contain_volatile_functions(expr) || volatile_walker(expr, &levels);
}

Var *
sa_stream_query_expose(SaStreamQuery *sq, int level, Var *var)
{
	for (int i = level; i > 0; i--)
	{
		Query	   *subquery = sa_stream_query_level(sq, i);
		Query	   *parent = sa_stream_query_level(sq, i - 1);
		RangeTblEntry *rte = rt_fetch(sq->path[i - 1], parent->rtable);
		int			resno = list_length(subquery->targetList) + 1;
		char	   *name = psprintf("stream_agg_%d", resno);

		subquery->targetList = lappend(subquery->targetList,
									   makeTargetEntry((Expr *) var, resno, name, false));
		rte->eref->colnames = lappend(rte->eref->colnames, makeString(name));
		var = makeVar(sq->path[i - 1], resno, var->vartype, var->vartypmod,
					  var->varcollid, 0);
	}
	return var;
}

Var *
sa_stream_query_stream_var(SaStreamQuery *sq, AttrNumber attnum, Oid type,
						   int32 typmod, Oid collation)
{
	int			level = sq->depth - 1;

	return sa_stream_query_expose(sq, level,
								  makeVar(sq->path[level], attnum, type, typmod,
										  collation, 0));
}

Var *
sa_stream_query_window_var(SaStreamQuery *sq, AttrNumber attnum)
{
	return sa_stream_query_expose(sq, sq->window_level,
								  makeVar(sq->window_rtindex, attnum,
										  sq->window_type, -1, InvalidOid, 0));
}

/* ------------------------------------------------------------------------
 * The window function
 * ------------------------------------------------------------------------
 */

/* Which window function of this extension a function is. */
static SaWindowKind
window_kind(Oid funcid)
{
	static const struct
	{
		const char *name;
		SaWindowKind kind;
	}			functions[] = {
		{"tumble", SA_WINDOW_TUMBLE},
		{"hop", SA_WINDOW_HOP},
		{"cumulate", SA_WINDOW_CUMULATE},
		{"session", SA_WINDOW_SESSION}
	};
	char	   *name = get_func_name(funcid);

	for (int i = 0; i < lengthof(functions); i++)
	{
		if (name != NULL && strcmp(name, functions[i].name) == 0 &&
			getExtensionOfObject(ProcedureRelationId, funcid) ==
			get_extension_oid(SA_EXTENSION_NAME, true))
			return functions[i].kind;
	}
	return SA_WINDOW_NONE;
}

/* Argument n of a call as it was written, by position or by name; or NULL. */
static Node *
find_argument(FuncExpr *call, int n)
{
	int			position = 0;
	ListCell   *lc;

	foreach(lc, call->args)
	{
		Node	   *arg = lfirst(lc);
		int			number = position++;

		if (IsA(arg, NamedArgExpr))
		{
			number = ((NamedArgExpr *) arg)->argnumber;
			arg = (Node *) ((NamedArgExpr *) arg)->arg;
		}
		if (number == n)
			return arg;
	}
	return NULL;
}

/* An argument that must be the same for all rows; NULL if it is not given. */
static Const *
constant_argument(FuncExpr *call, int n, ParseState *pstate)
{
	Node	   *written = find_argument(call, n);
	Node	   *arg;

	if (written == NULL)
		return NULL;
	arg = eval_const_expressions(NULL, copyObject(written));
	if (!IsA(arg, Const))
		sa_refuse(pstate, exprLocation(written),
				  "a window whose size, slide, origin or time zone is not a constant",
				  "Write the value as a literal.");
	return ((Const *) arg)->constisnull ? NULL : (Const *) arg;
}

static void
read_window_arguments(SaStreamQuery *sq, FuncExpr *call, ParseState *pstate)
{
	bool		two_lengths = sq->window_kind == SA_WINDOW_HOP ||
		sq->window_kind == SA_WINDOW_CUMULATE;
	Const	   *slide = two_lengths ? constant_argument(call, 1, pstate) : NULL;
	Const	   *size = constant_argument(call, two_lengths ? 2 : 1, pstate);
	Const	   *origin = constant_argument(call, two_lengths ? 3 : 2, pstate);
	Const	   *zone_name = constant_argument(call, two_lengths ? 4 : 3, pstate);
	pg_tz	   *zone = NULL;
	int64		origin_us = 0;
	SaWindowError error;

	if (size == NULL || (two_lengths && slide == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("size of a window must not be null"),
				 pstate != NULL ? parser_errposition(pstate, call->location) : 0));
	if (zone_name != NULL)
	{
		zone = pg_tzset(TextDatumGetCString(zone_name->constvalue));
		if (zone == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("time zone \"%s\" not recognized",
							TextDatumGetCString(zone_name->constvalue)),
					 pstate != NULL ? parser_errposition(pstate, call->location) : 0));
	}
	if (origin != NULL)
		origin_us = DatumGetTimestampTz(origin->constvalue);

	error = sa_window_spec_init(&sq->window, sq->window_kind,
								DatumGetIntervalP(size->constvalue),
								slide != NULL ? DatumGetIntervalP(slide->constvalue) : NULL,
								origin != NULL ? &origin_us : NULL, zone);
	if (error != SA_WINDOW_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s", sa_window_error_text(error)),
				 pstate != NULL ? parser_errposition(pstate, call->location) : 0));
}

/* Puts arguments given by name into their places, and adds defaults. */
static void
order_arguments(FuncExpr *call)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->funcid));

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", call->funcid);
	call->args = expand_function_arguments(call->args, false, call->funcresulttype, tuple);
	ReleaseSysCache(tuple);
}

/* The first argument must be the event-time column, at whatever level. */
static void
check_window_time(SaStreamQuery *sq, FuncExpr *call, ParseState *pstate)
{
	Relation	rel = relation_open(sq->stream, AccessShareLock);
	SaStream   *stream = sa_stream_load(rel);
	SaColumn   *column;
	int			level = 0;
	Node	   *time;
	SaStreamQuery below = sa_stream_query_below(sq, sq->window_level);

	relation_close(rel, AccessShareLock);

	/* trace starts at the level of the call */
	time = sa_stream_query_trace(&below, find_argument(call, 0), &level);

	column = sa_stream_column(stream, stream->event_time_attnum);
	if (column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("stream \"%s\" has no event-time column", stream->name),
				 errhint("Set the stream's option \"event_time\", or add a column with the option metadata 'timestamp'.")));
	if (IsA(time, Var) && level == below.depth - 1 &&
		((Var *) time)->varno == below.path[level] &&
		((Var *) time)->varattno == stream->event_time_attnum)
	{
		sq->time_attnum = stream->event_time_attnum;
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("first argument of %s() must be the event-time column \"%s\" of stream \"%s\"",
					get_func_name(call->funcid), column->name, stream->name),
			 errhint("Use column \"%s\", or set the stream's option \"event_time\" to another column.",
					 column->name),
			 pstate != NULL ?
			 parser_errposition(pstate, exprLocation(find_argument(call, 0))) : 0));
}

/* Fills the window part; at most one window function may be on the way. */
static void
find_window(SaStreamQuery *sq, ParseState *pstate)
{
	FuncExpr   *window_call = NULL;

	for (int level = 0; level < sq->depth; level++)
	{
		Query	   *query = sa_stream_query_level(sq, level);
		int			rtindex = 0;
		ListCell   *lc;

		foreach(lc, query->rtable)
		{
			RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
			FuncExpr   *call;
			SaWindowKind kind;

			rtindex++;
			if (rte->rtekind != RTE_FUNCTION || list_length(rte->functions) != 1)
				continue;
			call = (FuncExpr *) linitial_node(RangeTblFunction, rte->functions)->funcexpr;
			if (!IsA(call, FuncExpr))
				continue;
			kind = window_kind(call->funcid);
			if (kind == SA_WINDOW_NONE)
				continue;
			if (window_call != NULL)
				sa_refuse(pstate, call->location, "a second window function",
						  "Create a view for each window.");
			order_arguments(call);
			window_call = call;
			sq->window_kind = kind;
			sq->window_level = level;
			sq->window_rtindex = rtindex;
			sq->window_type = exprType(find_argument(call, 0));
		}
	}
	if (window_call == NULL)
		return;
	sq->window_call = window_call;
	check_window_time(sq, window_call, pstate);
	read_window_arguments(sq, window_call, pstate);
}
