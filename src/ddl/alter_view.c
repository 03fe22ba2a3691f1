/*-------------------------------------------------------------------------
 *
 * alter_view.c
 *	  ALTER MATERIALIZED VIEW … SET (stream_agg.option = value)
 *
 * NOTES
 *	  The options are those of the catalog, not of the relation, so PostgreSQL's
 *	  own command never sees them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "aggregate/aggregate_query.h"
#include "base/compat.h"
#include "ddl/alter_view.h"
#include "ddl/continuous_view.h"
#include "ddl/new_tables.h"
#include "ddl/view_bounds.h"
#include "ddl/view_options.h"
#include "metadata/catalog.h"
#include "metadata/late_function.h"
#include "metadata/view.h"
#include "worker/doorbell.h"

static bool
sets_options(const AlterTableCmd *command)
{
	return command->subtype == AT_SetRelOptions || command->subtype == AT_ResetRelOptions;
}

bool
sa_alter_view_has_options(Node *statement)
{
	AlterTableStmt *alter = (AlterTableStmt *) statement;
	ListCell   *lc;
	ListCell   *lo;

	if (!IsA(statement, AlterTableStmt))
		return false;
	foreach(lc, alter->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, lc);

		if (!sets_options(command))
			continue;
		foreach(lo, (List *) command->def)
		{
			if (sa_view_option_is_ours(lfirst_node(DefElem, lo)))
				return sa_is_continuous_view(alter->relation);
		}
	}
	return false;
}

/* Applies the options of ours in a command and removes them; true if none is left. */
static bool
take_options(AlterTableCmd *command, SaViewOptions *options)
{
	List	   *others = NIL;
	ListCell   *lc;

	foreach(lc, (List *) command->def)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (sa_view_option_is_ours(option))
			sa_view_option_change(options, option);
		else
			others = lappend(others, option);
	}
	command->def = (Node *) others;
	return others == NIL;
}

static void
change_late_function(SaView *view, const char *name)
{
	Oid			function;

	if (view->late_function != NULL)
		sa_late_function_forget(view->view);
	view->late_function = NULL;
	if (name == NULL)
		return;
	function = sa_late_function_lookup(name);
	view->late_function = sa_late_function_name(function);
	sa_late_function_depend(view->view, function);
}

static void
change_view(SaView *view, const SaViewOptions *options)
{
	SaAggregateQuery *aq = sa_aggregate_query_of_view(view);
	const char *old_function = view->late_function;

	sa_view_bounds_check(aq, options);
	view->late_drop = options->late_drop;
	/* what was not named is as the catalog has it */
	if (options->late_function != old_function)
		change_late_function(view, options->late_function);
	if (options->retention_us >= 0 && view->retention_us < 0)
		sa_new_tables_index_ends(aq, view->data);
	view->retention_us = options->retention_us;
	sa_view_update_options(view);

	/* plans know the options; a batch that runs ends first */
	CacheInvalidateRelcacheByRelid(view->definition);
	sa_doorbell_ring_at_commit();
}

bool
sa_alter_view_options(AlterTableStmt *alter)
{
	Oid			relid = RangeVarGetRelid(alter->relation, AccessExclusiveLock, false);
	SaView	   *view = sa_view_by_part(relid);
	SaViewOptions options = {0};
	List	   *left = NIL;
	ListCell   *lc;

	if (!object_ownercheck(RelationRelationId, relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_MATVIEW, get_rel_name(relid));
	LockRelationOid(view->definition, AccessExclusiveLock);
	options.late_drop = view->late_drop;
	options.late_function = view->late_function;
	options.retention_us = view->retention_us;
	options.state_ttl_us = view->state_ttl_us;
	options.allowed_lateness_us = view->allowed_lateness_us;
	foreach(lc, alter->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, lc);

		if (!sets_options(command) || !take_options(command, &options))
			left = lappend(left, command);
	}
	alter->cmds = left;
	change_view(view, &options);
	return left == NIL;
}
