/*-------------------------------------------------------------------------
 *
 * identity.c
 *	  Who a view's query runs as, and under which settings.
 *
 * NOTES
 *	  Whoever runs a batch, a background worker or some user's INSERT, the
 *	  view's query must mean the same.  So it runs as the view's owner, and with
 *	  the settings that decide how text becomes values and which objects names
 *	  mean, as they were when the view was created.
 *
 *	  SECURITY_RESTRICTED_OPERATION keeps functions of the view's owner from
 *	  leaving something behind in the session of whoever inserts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/syscache.h"

#include "pipeline/identity.h"

static const char *const settings_taken_down[] = {
	"TimeZone", "DateStyle", "IntervalStyle", "search_path", "extra_float_digits"
};

Oid
sa_relation_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
sa_identity_enter(SaIdentity *identity, Oid role, List *settings)
{
	ListCell   *lc;

	GetUserIdAndSecContext(&identity->userid, &identity->sec_context);
	SetUserIdAndSecContext(role, identity->sec_context |
						   SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	identity->guc_level = NewGUCNestLevel();

	for (lc = list_head(settings); lc != NULL; lc = lnext(settings, lc))
	{
		const char *name = lfirst(lc);
		const char *value;

		lc = lnext(settings, lc);
		value = lfirst(lc);
		if (strcmp(GetConfigOption(name, false, false), value) != 0)
			(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
									 GUC_ACTION_SAVE, true, 0, false);
	}
}

void
sa_identity_leave(SaIdentity *identity)
{
	AtEOXact_GUC(false, identity->guc_level);
	SetUserIdAndSecContext(identity->userid, identity->sec_context);
}

List *
sa_identity_stream_settings(const SaStream *stream)
{
	List	   *zone = list_make2("TimeZone",
								  unconstify(char *, pg_get_timezone_name(stream->timezone)));
	List	   *others = list_make4("DateStyle", "ISO, MDY", "IntervalStyle", "postgres");

	return list_concat(list_concat(zone, others),
					   list_make4("search_path", "pg_catalog, pg_temp",
								  "extra_float_digits", "1"));
}

List *
sa_identity_current_settings(void)
{
	List	   *settings = NIL;

	for (int i = 0; i < lengthof(settings_taken_down); i++)
	{
		const char *name = settings_taken_down[i];

		settings = lappend(settings, pstrdup(name));
		settings = lappend(settings, pstrdup(GetConfigOption(name, false, false)));
	}
	return settings;
}
