/*-------------------------------------------------------------------------
 *
 * rows_sql.h
 *	  SQL for what the data table of an aggregate view does not hold.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_AGGREGATE_ROWS_SQL_H
#define SA_AGGREGATE_ROWS_SQL_H

#include "lib/stringinfo.h"

#include "aggregate/aggregate_query.h"

/*
 * A SELECT whose columns are those of the data table, with the values of open
 * windows, too.  NULL if the data table itself has them.
 */
extern char *sa_rows_sql(const SaAggregateQuery *aq, const SaViewTables *tables);

/*
 * With panes: a SELECT whose columns are those of the data table and whose rows
 * are the groups of the windows with the starts in array $1 and the ends in $2.
 */
extern char *sa_settled_windows_sql(const SaAggregateQuery *aq,
									const SaViewTables *tables);

/*
 * Without panes: "column = value, …" for the values that are computed from kept
 * arguments, in an UPDATE of the data table, which must be called d; "" if there
 * are none.
 */
extern char *sa_kept_assignments_sql(const SaAggregateQuery *aq,
									 const SaViewTables *tables);

/*
 * With sessions: a DELETE of what set number n keeps for the rows of the data
 * table, called d, for which a condition holds.
 */
extern char *sa_kept_delete_sql(const SaAggregateQuery *aq, const SaViewTables *tables,
								int n, const char *condition);

/* ---- names and types in SQL text; they depend on search_path in no way ---- */

/* "schema"."table" */
extern char *sa_relation_sql(Oid relid);

/* "column" */
extern const char *sa_column_sql(Oid relid, AttrNumber attnum);

/* A NULL of the type: NULL::type COLLATE collation, also for domains that are NOT NULL */
extern char *sa_typed_null_sql(Oid type, int32 typmod, Oid collation);

/* A call that aggregates kept arguments; the table of the set is "alias". */
extern char *sa_kept_call_sql(const SaAggregateQuery *aq, const SaAggregate *aggregate,
							  Oid data, Oid kept, const char *alias);

/* Hash of the group keys, which are columns of relation "alias". */
extern char *sa_key_hash_sql(const SaAggregateQuery *aq, Oid relid, const char *alias);

#endif							/* SA_AGGREGATE_ROWS_SQL_H */
