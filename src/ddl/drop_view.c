/*-------------------------------------------------------------------------
 *
 * drop_view.c
 *	  What is dropped takes its parts along.
 *
 * NOTES
 *	  A continuous view can go in many ways: DROP in either spelling, CASCADE from
 *	  its stream or schema, DROP OWNED, DROP EXTENSION.  All of them pass the
 *	  object access hook, which notes what was dropped; when the utility statement
 *	  is over, the rest of each view of which a part is gone is dropped, too.
 *
 *	  No dependencies of our own making are used for this, because a dump would
 *	  not carry them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "ddl/continuous_view.h"
#include "metadata/catalog.h"
#include "metadata/view.h"
#include "worker/doorbell.h"

static object_access_hook_type previous_hook = NULL;
static SaDropScope *current_scope = NULL;

static void
note_drop(ObjectAccessType access, Oid classid, Oid objectid, int subid, void *arg)
{
	if (previous_hook)
		previous_hook(access, classid, objectid, subid, arg);
	if (access == OAT_DROP && classid == RelationRelationId && subid == 0 &&
		current_scope != NULL)
	{
		char		relkind = get_rel_relkind(objectid);

		if (relkind == RELKIND_VIEW || relkind == RELKIND_RELATION ||
			relkind == RELKIND_FOREIGN_TABLE)
		{
			/* VACUUM FULL comes by here, and goes on in other transactions */
			MemoryContext old = MemoryContextSwitchTo(current_scope->context);

			current_scope->relids = lappend_oid(current_scope->relids, objectid);
			MemoryContextSwitchTo(old);
		}
	}
}

void
sa_drop_init(void)
{
	previous_hook = object_access_hook;
	object_access_hook = note_drop;
}

void
sa_drop_scope_enter(SaDropScope *scope)
{
	scope->relids = NIL;
	scope->context = CurrentMemoryContext;
	scope->outer = current_scope;
	current_scope = scope;
}

void
sa_drop_scope_leave(SaDropScope *scope)
{
	current_scope = scope->outer;
}

static bool
exists(Oid relid)
{
	return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid));
}

static void
add_part(ObjectAddresses *parts, Oid relid)
{
	ObjectAddress address;

	if (!exists(relid))
		return;
	ObjectAddressSet(address, RelationRelationId, relid);
	add_exact_object_address(&address, parts);
}

/* Drops what is left of a view one part of which is gone. */
static void
drop_rest(SaView *view, Oid gone, DropBehavior behavior)
{
	ObjectAddresses *parts = new_object_addresses();
	List	   *tables = sa_view_tables(view);
	ListCell   *lc;

	if (gone != view->view && exists(view->view) && behavior != DROP_CASCADE)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop a part of continuous view \"%s\"",
						get_rel_name(view->view)),
				 errhint("Use DROP MATERIALIZED VIEW %s, which drops all of its parts.",
						 get_rel_name(view->view))));

	/* a batch locks the parts first and writes the catalogs after that */
	LockRelationOid(view->definition, AccessExclusiveLock);
	foreach(lc, tables)
		LockRelationOid(lfirst_oid(lc), AccessExclusiveLock);
	sa_view_delete(view);
	add_part(parts, view->view);
	add_part(parts, view->definition);
	foreach(lc, tables)
		add_part(parts, lfirst_oid(lc));
	performMultipleDeletions(parts, behavior, 0);
	free_object_addresses(parts);
	sa_doorbell_ring_at_commit();
}

void
sa_drop_scope_finish(SaDropScope *scope, DropBehavior behavior)
{
	if (scope->relids == NIL || !sa_extension_exists())
		return;
	CommandCounterIncrement();

	/* what is dropped here comes to the end of the same list */
	while (scope->relids != NIL)
	{
		Oid			relid = linitial_oid(scope->relids);
		SaView	   *view;

		scope->relids = list_delete_first(scope->relids);
		if (exists(relid))
			continue;
		view = sa_view_by_part(relid);
		if (view != NULL)
			drop_rest(view, relid, behavior);
		else
			sa_stream_forget(relid);
	}
}
