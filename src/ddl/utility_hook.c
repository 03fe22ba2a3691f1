/*-------------------------------------------------------------------------
 *
 * utility_hook.c
 *	  Utility statements that concern us.
 *
 * NOTES
 *	  CREATE MATERIALIZED VIEW WITH (stream_agg.continuous) is carried out by us.
 *	  Other statements that name a continuous view as a materialized view are
 *	  passed on as statements about a view, which it is to the catalogs.
 *
 *	  The hook is installed also where the library was not preloaded, so that
 *	  the first statement says what is missing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/tablecmds.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "ddl/alter_server.h"
#include "ddl/alter_stream.h"
#include "ddl/alter_view.h"
#include "ddl/continuous_view.h"
#include "ddl/utility_hook.h"
#include "ddl/view_options.h"
#include "metadata/catalog.h"
#include "metadata/late_function.h"
#include "metadata/view.h"
#include "worker/database_ddl.h"
#include "worker/doorbell.h"
#include "worker/shared.h"

static ProcessUtility_hook_type previous_hook = NULL;

/* A list of names, as in DROP, that is a continuous view's. */
static bool
names_continuous_view(Node *object)
{
	return IsA(object, List) &&
		sa_is_continuous_view(makeRangeVarFromNameList((List *) object));
}

/*
 * DROP MATERIALIZED VIEW a, b, …: continuous views are dropped as views; a list
 * that also names others is split by the caller.
 */
static DropStmt *
split_drop(DropStmt *statement)
{
	DropStmt   *views = copyObject(statement);
	List	   *others = NIL;
	ListCell   *lc;

	views->removeType = OBJECT_VIEW;
	views->objects = NIL;
	foreach(lc, statement->objects)
	{
		if (names_continuous_view(lfirst(lc)))
			views->objects = lappend(views->objects, lfirst(lc));
		else
			others = lappend(others, lfirst(lc));
	}
	if (views->objects == NIL)
		return NULL;
	statement->objects = others;
	return views;
}

/* Kinds of statements that retarget() may change. */
static bool
may_be_retargeted(Node *statement)
{
	return IsA(statement, RenameStmt) || IsA(statement, AlterObjectSchemaStmt) ||
		IsA(statement, CommentStmt) || IsA(statement, AlterTableStmt);
}

/* Other statements about a single object: true if it becomes a view's. */
static bool
retarget(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_RenameStmt:
			{
				RenameStmt *rename = (RenameStmt *) statement;

				if (rename->renameType == OBJECT_MATVIEW && sa_is_continuous_view(rename->relation))
					rename->renameType = OBJECT_VIEW;
				else if (rename->renameType == OBJECT_COLUMN &&
						 rename->relationType == OBJECT_MATVIEW &&
						 sa_is_continuous_view(rename->relation))
					rename->relationType = OBJECT_VIEW;
				else
					return false;
				return true;
			}
		case T_AlterObjectSchemaStmt:
			{
				AlterObjectSchemaStmt *alter = (AlterObjectSchemaStmt *) statement;

				if (alter->objectType != OBJECT_MATVIEW || !sa_is_continuous_view(alter->relation))
					return false;
				alter->objectType = OBJECT_VIEW;
				return true;
			}
		case T_CommentStmt:
			{
				CommentStmt *comment = (CommentStmt *) statement;

				if (comment->objtype != OBJECT_MATVIEW || !names_continuous_view(comment->object))
					return false;
				comment->objtype = OBJECT_VIEW;
				return true;
			}
		case T_AlterTableStmt:
			{
				AlterTableStmt *alter = (AlterTableStmt *) statement;

				if (alter->objtype != OBJECT_MATVIEW || !sa_is_continuous_view(alter->relation))
					return false;
				alter->objtype = OBJECT_VIEW;
				return true;
			}
		default:
			return false;
	}
}

static DropBehavior
drop_behavior(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_DropStmt:
			return ((DropStmt *) statement)->behavior;
		case T_DropOwnedStmt:
			return ((DropOwnedStmt *) statement)->behavior;
		case T_AlterTableStmt:
			/* a part goes this way only by CASCADE */
			return DROP_CASCADE;
		default:
			return DROP_RESTRICT;
	}
}

/*
 * The parts of a view follow it to its new owner.  ALTER TABLE does for views,
 * too.
 */
static void
give_parts_to_new_owner(Node *statement)
{
	AlterTableStmt *alter = (AlterTableStmt *) statement;
	ListCell   *lc;

	if (!IsA(statement, AlterTableStmt) ||
		(alter->objtype != OBJECT_VIEW && alter->objtype != OBJECT_TABLE))
		return;
	foreach(lc, alter->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, lc);
		SaView	   *view;
		Oid			owner;
		ListCell   *lt;

		if (command->subtype != AT_ChangeOwner || !sa_is_continuous_view(alter->relation))
			continue;
		CommandCounterIncrement();
		view = sa_view_by_part(RangeVarGetRelid(alter->relation, NoLock, false));
		owner = get_rolespec_oid(command->newowner, false);
		ATExecChangeOwner(view->definition, owner, true, AccessExclusiveLock);
		foreach(lt, sa_view_tables(view))
			ATExecChangeOwner(lfirst_oid(lt), owner, true, AccessExclusiveLock);
		sa_doorbell_ring_at_commit();
	}
}

/* What happens to servers and streams may start or stop a reader. */
static bool
concerns_readers(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_CreateExtensionStmt:
		case T_AlterForeignServerStmt:
		case T_AlterUserMappingStmt:
		case T_CreateUserMappingStmt:
		case T_DropUserMappingStmt:
		case T_DropStmt:
		case T_DropOwnedStmt:
			return true;
		case T_AlterTableStmt:
			return ((AlterTableStmt *) statement)->objtype == OBJECT_FOREIGN_TABLE;
		default:
			return false;
	}
}

/* What may change the name of a function that a view has as an option. */
static bool
may_rename_functions(Node *statement)
{
	ObjectType	type;

	if (IsA(statement, RenameStmt))
		type = ((RenameStmt *) statement)->renameType;
	else if (IsA(statement, AlterObjectSchemaStmt))
		type = ((AlterObjectSchemaStmt *) statement)->objectType;
	else
		return false;
	return type == OBJECT_FUNCTION || type == OBJECT_ROUTINE || type == OBJECT_SCHEMA ||
		type == OBJECT_EXTENSION;
}

static bool
is_continuous_create(Node *statement)
{
	return IsA(statement, CreateTableAsStmt) &&
		((CreateTableAsStmt *) statement)->objtype == OBJECT_MATVIEW &&
		sa_view_options_continuous(((CreateTableAsStmt *) statement)->into->options);
}

static void
refuse_refresh(Node *statement)
{
	if (IsA(statement, RefreshMatViewStmt) &&
		sa_is_continuous_view(((RefreshMatViewStmt *) statement)->relation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("REFRESH of a continuous view is not supported yet"),
				 errhint("Drop the view and create it again.")));
}

static void
pass_on(PlannedStmt *pstmt, const char *query_string, bool read_only,
		ProcessUtilityContext context, ParamListInfo params,
		QueryEnvironment *env, DestReceiver *dest, QueryCompletion *qc)
{
	if (previous_hook)
		previous_hook(pstmt, query_string, read_only, context, params, env, dest, qc);
	else
		standard_ProcessUtility(pstmt, query_string, read_only, context, params, env, dest, qc);
}

static void
run_statement(PlannedStmt *pstmt, const char *query_string, bool read_only,
			  ProcessUtilityContext context, ParamListInfo params,
			  QueryEnvironment *env, DestReceiver *dest, QueryCompletion *qc)
{
	DropStmt   *drop = (DropStmt *) pstmt->utilityStmt;

	if (is_continuous_create(pstmt->utilityStmt))
	{
		sa_continuous_view_create((CreateTableAsStmt *) pstmt->utilityStmt, query_string);
		return;
	}
	refuse_refresh(pstmt->utilityStmt);
	if (sa_alter_view_has_options(pstmt->utilityStmt))
	{
		/* the tree may be a cached plan's */
		pstmt = copyObject(pstmt);
		if (sa_alter_view_options((AlterTableStmt *) pstmt->utilityStmt))
			return;
	}
	if (IsA(drop, DropStmt) && drop->removeType == OBJECT_MATVIEW)
	{
		PlannedStmt *views_pstmt;

		/* the tree may be a cached plan's */
		pstmt = copyObject(pstmt);
		views_pstmt = copyObject(pstmt);
		views_pstmt->utilityStmt = (Node *) split_drop((DropStmt *) pstmt->utilityStmt);
		if (views_pstmt->utilityStmt != NULL)
			pass_on(views_pstmt, query_string, read_only, context, params, env, dest, qc);
		if (((DropStmt *) pstmt->utilityStmt)->objects == NIL)
			return;
	}
	pass_on(pstmt, query_string, read_only, context, params, env, dest, qc);
}

static void
process_utility(PlannedStmt *pstmt, const char *query_string, bool read_only,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *env, DestReceiver *dest, QueryCompletion *qc)
{
	SaDropScope scope;
	SaServerBefore server;

	/* statements outside of a transaction's reach look at no catalogs here */
	if (!IsTransactionState() || IsA(pstmt->utilityStmt, TransactionStmt))
	{
		pass_on(pstmt, query_string, read_only, context, params, env, dest, qc);
		return;
	}
	sa_database_ddl_before(pstmt->utilityStmt);
	server = sa_alter_server_before(pstmt->utilityStmt);

	sa_drop_scope_enter(&scope);
	PG_TRY();
	{
		PlannedStmt *own = pstmt;

		if (may_be_retargeted(pstmt->utilityStmt))
		{
			own = copyObject(pstmt);
			if (!retarget(own->utilityStmt))
				own = pstmt;
		}
		run_statement(own, query_string, read_only, context, params, env, dest, qc);
		if (IsTransactionState())
		{
			sa_drop_scope_finish(&scope, drop_behavior(pstmt->utilityStmt));
			give_parts_to_new_owner(own->utilityStmt);
			sa_alter_server_check(&server);
			if (may_rename_functions(pstmt->utilityStmt) && sa_extension_exists())
			{
				CommandCounterIncrement();
				sa_late_functions_follow();
			}
			sa_alter_stream_after(pstmt->utilityStmt);
			if (concerns_readers(pstmt->utilityStmt))
				sa_doorbell_ring_at_commit();
		}
	}
	PG_FINALLY();
	{
		sa_drop_scope_leave(&scope);
	}
	PG_END_TRY();
}

void
sa_utility_hook_install(void)
{
	previous_hook = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	sa_drop_init();
}
