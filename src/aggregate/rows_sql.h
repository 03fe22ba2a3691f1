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

/* Whether a value is computed when it is needed, and last when it is settled. */
extern bool sa_value_is_computed(const SaAggregateQuery *aq,
								 const SaAggregate *aggregate);

/*
 * With panes: a SELECT whose columns are those of the data table and whose rows
 * are the groups of the windows with the starts in array $1 and the ends in $2.
 * All values are NULL if they are not wanted.
 */
extern char *sa_settled_windows_sql(const SaAggregateQuery *aq,
									const SaViewTables *tables, bool with_values);

/*
 * Without panes: a condition for rows d of the data table that are settled when
 * the watermark, less the allowed lateness, moves from $1 to $2.
 */
extern char *sa_due_condition_sql(const SaAggregateQuery *aq, Oid data);

/*
 * With sessions: an UPDATE of those that are looked at when the watermark moves
 * from $1 to $2 and go on.
 */
extern char *sa_due_later_sql(const SaAggregateQuery *aq, Oid data);

/* "column = value, …" that makes row d final in an UPDATE of the data table. */
extern char *sa_final_assignments_sql(const SaAggregateQuery *aq, Oid data);

/*
 * What is computed for row d of the data table, one expression for each
 * aggregate for which sa_value_is_computed(), as a list of char *; or NULL where
 * the parameter $2, of type boolean[] and with an element per aggregate, is
 * true.
 */
extern List *sa_computed_values_sql(const SaAggregateQuery *aq,
									const SaViewTables *tables, bool masked);

/*
 * "column = value, …" that settles row d in an UPDATE of the data table: values
 * are computed a last time, as above, and states go.  "" if there are neither.
 */
extern char *sa_settle_assignments_sql(const SaAggregateQuery *aq,
									   const SaViewTables *tables, bool masked);

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
