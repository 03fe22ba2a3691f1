/*-------------------------------------------------------------------------
 *
 * output_query.c
 *	  The query of the view that the user sees.
 *
 * NOTES
 *	  It reads one table, or the subquery of rows_sql.c with the same columns, and
 *	  what the definition computes from aggregates and group keys it computes from
 *	  those.  So conditions on the view reach the table's index.
 *
 *	  A view over a single table would be updatable.  An empty subquery beside
 *	  it makes PostgreSQL refuse that with its own error, and the planner removes
 *	  the subquery without a trace.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/stratnum.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parse_func.h"
#include "parser/parse_relation.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "aggregate/aggregate_query.h"
#include "aggregate/rows_sql.h"
#include "base/compat.h"
#include "stream_agg.h"

#define DATA_RTINDEX	1

typedef struct OutputContext
{
	const SaAggregateQuery *aq;
	TupleDesc	desc;			/* of the data table */
	ParseState *pstate;
} OutputContext;

static Var *
data_var(TupleDesc desc, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(desc, attnum - 1);

	return makeVar(DATA_RTINDEX, attnum, att->atttypid, att->atttypmod,
				   att->attcollation, 0);
}

/*
 * Columns have no domains as types, since they may be NULL while a value isn't
 * known; what the view shows has.
 */
static Node *
value_of_type(Var *var, Oid type)
{
	if (var->vartype == type)
		return (Node *) var;
	return (Node *) makeRelabelType((Expr *) var, type, -1, var->varcollid,
									COERCE_EXPLICIT_CAST);
}

/* Replaces what the data table has by its columns. */
static Node *
output_mutator(Node *node, OutputContext *context)
{
	const SaAggregateQuery *aq = context->aq;
	AttrNumber	attnum;
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	foreach(lc, aq->keys)
	{
		SaGroupKey *key = lfirst(lc);

		if (equal(key->expr, node))
			return (Node *) data_var(context->desc, key->attnum);
	}
	foreach(lc, aq->aggregates)
	{
		SaAggregate *aggregate = lfirst(lc);

		if (equal(aggregate->aggref, node))
			return value_of_type(data_var(context->desc, aggregate->value_attnum),
								 exprType(node));
	}
	attnum = sa_window_attnum(aq, node);
	if (attnum != 0)
		return (Node *) data_var(context->desc, attnum);
	if (IsA(node, Var))
		sa_refuse(context->pstate, ((Var *) node)->location,
				  "a column that is selected but not in GROUP BY",
				  "Add the column to GROUP BY.");
	return expression_tree_mutator(node, output_mutator, context);
}

static Query *
analyze_sql(char *sql)
{
	RawStmt    *parsetree = linitial_node(RawStmt, pg_parse_query(sql));

	return parse_analyze_fixedparams(parsetree, sql, NULL, 0, NULL);
}

/* FROM data_table, (SELECT); or with a subquery instead of the table */
static Query *
make_output_skeleton(Oid data_table, char *rows_sql, TupleDesc *desc)
{
	Query	   *query = makeNode(Query);
	Query	   *empty = makeNode(Query);
	Relation	rel = relation_open(data_table, AccessShareLock);
	ParseState *pstate = make_parsestate(NULL);
	RangeTblRef *data_ref = makeNode(RangeTblRef);
	RangeTblRef *empty_ref = makeNode(RangeTblRef);

	*desc = CreateTupleDescCopy(RelationGetDescr(rel));
	if (rows_sql != NULL)
		(void) addRangeTableEntryForSubquery(pstate, analyze_sql(rows_sql),
											 makeAlias(RelationGetRelationName(rel), NIL),
											 false, true);
	else
		sa_rte_require_select_all(pstate,
								  addRangeTableEntryForRelation(pstate, rel, AccessShareLock,
																NULL, true, true),
								  RelationGetDescr(rel));
	data_ref->rtindex = DATA_RTINDEX;

	empty->commandType = CMD_SELECT;
	empty->canSetTag = true;
	empty->jointree = makeFromExpr(NIL, NULL);
	(void) addRangeTableEntryForSubquery(pstate, empty, makeAlias("continuous_view", NIL),
										 false, true);
	empty_ref->rtindex = DATA_RTINDEX + 1;

	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = pstate->p_rtable;
#if SA_HAVE_RTE_PERM_INFO
	query->rteperminfos = pstate->p_rteperminfos;
#endif
	query->jointree = makeFromExpr(list_make2(data_ref, empty_ref), NULL);
	relation_close(rel, NoLock);
	return query;
}

static void
add_column(Query *query, Node *expr, char *name)
{
	query->targetList = lappend(query->targetList,
								makeTargetEntry((Expr *) expr,
												list_length(query->targetList) + 1,
												name, false));
}

/*
 * last_event_time >= (SELECT stream_agg.closed_until(data_table, state_ttl)):
 * groups that are over are not seen, whether they have been removed or not.  The
 * subquery has it computed once and not for each row.
 */
static Node *
make_not_expired(const OutputContext *context, Oid data_table)
{
	static const Oid argtypes[] = {REGCLASSOID, INTERVALOID};
	List	   *name = list_make2(makeString(SA_SCHEMA), makeString("closed_until"));
	TypeCacheEntry *type = lookup_type_cache(TIMESTAMPTZOID, TYPECACHE_BTREE_OPFAMILY);
	Oid			operator = get_opfamily_member(type->btree_opf, TIMESTAMPTZOID, TIMESTAMPTZOID,
											   BTGreaterEqualStrategyNumber);
	Interval   *ttl = palloc0(sizeof(Interval));
	Query	   *select = makeNode(Query);
	SubLink    *sublink = makeNode(SubLink);
	List	   *arguments;
	Expr	   *qual;

	ttl->time = context->aq->state_ttl_us;
	arguments = list_make2(makeConst(REGCLASSOID, -1, InvalidOid, sizeof(Oid),
									 ObjectIdGetDatum(data_table), false, true),
						   makeConst(INTERVALOID, -1, InvalidOid, sizeof(Interval),
									 IntervalPGetDatum(ttl), false, false));
	select->commandType = CMD_SELECT;
	select->canSetTag = true;
	select->jointree = makeFromExpr(NIL, NULL);
	add_column(select, (Node *) makeFuncExpr(LookupFuncName(name, 2, argtypes, false),
											 TIMESTAMPTZOID, arguments, InvalidOid,
											 InvalidOid, COERCE_EXPLICIT_CALL),
			   "closed_until");

	sublink->subLinkType = EXPR_SUBLINK;
	sublink->subselect = (Node *) select;
	sublink->location = -1;
	qual = make_opclause(operator, BOOLOID, false,
						 (Expr *) data_var(context->desc, context->aq->last_attnum),
						 (Expr *) sublink, InvalidOid, InvalidOid);
	set_opfuncid((OpExpr *) qual);
	return (Node *) qual;
}

Query *
sa_aggregate_output_query(const SaAggregateQuery *aq, const SaViewTables *tables,
						  List *column_names, bool emit_final,
						  ParseState *pstate)
{
	OutputContext context = {.aq = aq,.pstate = pstate};
	Query	   *query = make_output_skeleton(tables->data, sa_rows_sql(aq, tables),
											 &context.desc);
	Query	   *source = aq->sq->query;
	ListCell   *name = list_head(column_names);
	Node	   *quals;
	ListCell   *lc;

	foreach(lc, source->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		char	   *resname = tle->resname;

		if (tle->resjunk)
			continue;
		if (name != NULL)
		{
			resname = strVal(lfirst(name));
			name = lnext(column_names, name);
		}
		add_column(query, output_mutator((Node *) tle->expr, &context), resname);
	}
	if (name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("too many column names were specified")));

	quals = output_mutator(source->havingQual, &context);
	if (aq->last_attnum != 0)
	{
		quals = make_and_qual(quals, make_not_expired(&context, tables->data));
		query->hasSubLinks = true;
	}
	if (aq->windowed && emit_final)
		quals = make_and_qual(quals, (Node *) data_var(context.desc, aq->final_attnum));
	else if (aq->windowed)
		add_column(query, (Node *) data_var(context.desc, aq->final_attnum), "is_final");
	query->jointree->quals = quals;
	return query;
}

Query *
sa_load_output_query(Oid data_table, List *column_names)
{
	TupleDesc	desc;
	Query	   *query = make_output_skeleton(data_table, NULL, &desc);
	ListCell   *lc;

	foreach(lc, column_names)
	{
		char	   *name = strVal(lfirst(lc));
		AttrNumber	attnum = get_attnum(data_table, name);

		Assert(attnum > 0);
		add_column(query, (Node *) data_var(desc, attnum), name);
	}
	return query;
}
