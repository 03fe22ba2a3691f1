/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Differences between the supported major versions of PostgreSQL.
 *
 * NOTES
 *	  The only place with conditions on PG_VERSION_NUM.  Code is written for the
 *	  newest version; what is here makes older ones look like it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_BASE_COMPAT_H
#define SA_BASE_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "stream_agg needs PostgreSQL 15 or newer"
#endif

/*
 * What the format of serialized transition states depends on: PostgreSQL may
 * change them from one major version to the next.
 */
#define SA_STATE_VERSION	(PG_VERSION_NUM / 10000)

#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "common/jsonapi.h"
#include "executor/executor.h"
#include "access/genam.h"
#include "access/sysattr.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "utils/acl.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 160000
/* 16 joined the pg_xxx_aclcheck functions into one (commit c727f511bd) */
static inline AclResult
object_aclcheck(Oid classid, Oid objectid, Oid roleid, AclMode mode)
{
	switch (classid)
	{
		case NamespaceRelationId:
			return pg_namespace_aclcheck(objectid, roleid, mode);
		case ProcedureRelationId:
			return pg_proc_aclcheck(objectid, roleid, mode);
		default:
			elog(ERROR, "unexpected object class %u", classid);
			return ACLCHECK_NO_PRIV;
	}
}

static inline bool
object_ownercheck(Oid classid, Oid objectid, Oid roleid)
{
	switch (classid)
	{
		case RelationRelationId:
			return pg_class_ownercheck(objectid, roleid);
		case DatabaseRelationId:
			return pg_database_ownercheck(objectid, roleid);
		default:
			elog(ERROR, "unexpected object class %u", classid);
			return false;
	}
}
#endif

#if PG_VERSION_NUM < 180000
/* 18 stores it before the tuple */
static inline void *
TupleHashEntryGetAdditional(TupleHashTable table, TupleHashEntry entry)
{
	return entry->additional;
}

/* 18 knows expressions without a result */
static inline void
ExecEvalExprNoReturnSwitchContext(ExprState *state, ExprContext *econtext)
{
	bool		isnull;

	(void) ExecEvalExprSwitchContext(state, econtext, &isnull);
}
#endif

/* 16 moved the permission fields of a range table entry to a node of its own */
#if PG_VERSION_NUM >= 160000
#define SA_HAVE_RTE_PERM_INFO 1
#else
#define SA_HAVE_RTE_PERM_INFO 0
#endif

/* Ask for SELECT on all columns of a relation that was just added. */
static inline void
sa_rte_require_select_all(ParseState *pstate, ParseNamespaceItem *nsitem,
						  TupleDesc desc)
{
#if SA_HAVE_RTE_PERM_INFO
	RTEPermissionInfo *info = nsitem->p_perminfo;
#else
	RangeTblEntry *info = nsitem->p_rte;
#endif

	info->requiredPerms = ACL_SELECT;
	for (int i = 1; i <= desc->natts; i++)
		info->selectedCols = bms_add_member(info->selectedCols,
											i - FirstLowInvalidHeapAttributeNumber);
}

/* Columns for which a range table entry needs the right to select. */
static inline Bitmapset *
sa_rte_selected_columns(Query *query, RangeTblEntry *rte)
{
#if SA_HAVE_RTE_PERM_INFO
	return getRTEPermissionInfo(query->rteperminfos, rte)->selectedCols;
#else
	return rte->selectedCols;
#endif
}

/* A range table of one relation of which all columns may be written. */
static inline void
sa_init_result_range_table(EState *estate, Relation rel)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	int			first = 1 - FirstLowInvalidHeapAttributeNumber;
	Bitmapset  *columns = bms_add_range(NULL, first,
										first + RelationGetNumberOfAttributes(rel) - 1);

	rte->rtekind = RTE_RELATION;
	rte->relid = RelationGetRelid(rel);
	rte->relkind = rel->rd_rel->relkind;
	rte->rellockmode = AccessShareLock;
#if SA_HAVE_RTE_PERM_INFO
	{
		List	   *infos = NIL;
		RTEPermissionInfo *info = addRTEPermissionInfo(&infos, rte);

		info->insertedCols = columns;
		info->updatedCols = columns;
#if PG_VERSION_NUM >= 180000
		ExecInitRangeTable(estate, list_make1(rte), infos, bms_make_singleton(1));
#else
		ExecInitRangeTable(estate, list_make1(rte), infos);
#endif
	}
#else
	rte->insertedCols = columns;
	rte->updatedCols = columns;
	ExecInitRangeTable(estate, list_make1(rte));
#endif
}

/* 16 added a list of result relations */
static inline void
sa_eval_plan_qual_init(EPQState *epqstate, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	EvalPlanQualInit(epqstate, estate, NULL, NIL, -1, NIL);
#else
	EvalPlanQualInit(epqstate, estate, NULL, NIL, -1);
#endif
}

/* 16 added a flag for updates of columns that only summarizing indexes have */
static inline void
sa_insert_index_tuples(ResultRelInfo *result, TupleTableSlot *slot, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	list_free(ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL, false));
#else
	list_free(ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL));
#endif
}

/* 18 added instrumentation */
static inline IndexScanDesc
sa_index_beginscan(Relation heap, Relation index, Snapshot snapshot, int nkeys)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(heap, index, snapshot, NULL, nkeys, 0);
#else
	return index_beginscan(heap, index, snapshot, nkeys, 0);
#endif
}

/* 17 and 18 added arguments */
static inline ForeignPath *
sa_create_foreignscan_path(PlannerInfo *root, RelOptInfo *rel, double rows,
						   Cost startup, Cost total)
{
#if PG_VERSION_NUM >= 180000
	return create_foreignscan_path(root, rel, NULL, rows, 0, startup, total, NIL,
								   rel->lateral_relids, NULL, NIL, NIL);
#elif PG_VERSION_NUM >= 170000
	return create_foreignscan_path(root, rel, NULL, rows, startup, total, NIL,
								   rel->lateral_relids, NULL, NIL, NIL);
#else
	return create_foreignscan_path(root, rel, NULL, rows, startup, total, NIL,
								   rel->lateral_relids, NULL, NIL);
#endif
}

/* 17 gave it a place for the result and a const */
#if PG_VERSION_NUM < 170000
#define makeJsonLexContextCstringLen(lex, json, len, encoding, need_escapes) \
	makeJsonLexContextCstringLen(json, len, encoding, need_escapes)
#endif

/* 16 added a place for soft errors */
static inline List *
sa_qualified_name_list(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return stringToQualifiedNameList(name, NULL);
#else
	return stringToQualifiedNameList(name);
#endif
}

/* 18 gave grouped expressions a range table entry of their own */
static inline void
sa_flatten_group_rte(Query *query)
{
#if PG_VERSION_NUM >= 180000
	if (!query->hasGroupRTE)
		return;
	query->targetList = (List *)
		flatten_group_exprs(NULL, query, (Node *) query->targetList);
	query->havingQual = flatten_group_exprs(NULL, query, query->havingQual);
	query->hasGroupRTE = false;
#endif
}

/* before 18 the range table has no grouped expressions that could be left out */
#if PG_VERSION_NUM < 180000
#define QTW_IGNORE_GROUPEXPRS 0
#endif

/* 17 and 18 changed what ExecutorRun takes */
#if PG_VERSION_NUM >= 180000
#define sa_executor_run(desc) ExecutorRun(desc, ForwardScanDirection, 0)
#else
#define sa_executor_run(desc) ExecutorRun(desc, ForwardScanDirection, 0, true)
#endif

#endif							/* SA_BASE_COMPAT_H */
