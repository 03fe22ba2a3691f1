/*-------------------------------------------------------------------------
 *
 * fdw.c
 *	  Entry points of the foreign-data wrapper.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "miscadmin.h"

#include "kafka/properties.h"
#include "metadata/stream_options.h"
#include "stream/fdw.h"
#include "stream_agg.h"

SA_FUNCTION_INFO_V1(stream_agg_fdw_handler);
SA_FUNCTION_INFO_V1(stream_agg_fdw_validator);

Datum
stream_agg_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	sa_fdw_set_scan(routine);
	sa_fdw_set_insert(routine);
	PG_RETURN_POINTER(routine);
}

/* Options of a server or user mapping are properties of the Kafka client. */
static void
check_properties(List *options, SaPropertyPlace place)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		sa_kafka_property_check(option->defname, defGetString(option), place, superuser());
	}
	sa_kafka_properties_check_together(options, place);
}

Datum
stream_agg_fdw_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);
	ListCell   *lc;

	if (catalog == ForeignServerRelationId)
		check_properties(options, SA_PROPERTY_IN_SERVER);
	else if (catalog == UserMappingRelationId)
		check_properties(options, SA_PROPERTY_IN_USER_MAPPING);
	else if (catalog == ForeignTableRelationId)
		sa_stream_options_check(options);
	else if (catalog == AttributeRelationId)
	{
		foreach(lc, options)
			sa_column_option_check(lfirst_node(DefElem, lc));
	}
	else if (options != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("foreign-data wrapper \"%s\" has no options", SA_EXTENSION_NAME),
				 errhint("Give the options to a server, a user mapping, a foreign table or its columns.")));
	PG_RETURN_VOID();
}
