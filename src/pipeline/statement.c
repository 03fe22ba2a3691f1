/*-------------------------------------------------------------------------
 *
 * statement.c
 *	  Statements that are prepared once and run with many batches.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pipeline/statement.h"

SPIPlanPtr
sa_statement_prepare(const char *sql, int nargs, Oid *argtypes)
{
	SPIPlanPtr	plan;

	SPI_connect();
	plan = SPI_prepare(sql, nargs, argtypes);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\"", sql);
	SPI_finish();
	return plan;
}

void
sa_statement_execute(SPIPlanPtr plan, Datum *values)
{
	int			result;

	SPI_connect();
	result = SPI_execute_plan(plan, values, NULL, false, 0);
	if (result < 0)
		elog(ERROR, "could not write into the tables of a continuous view: %s",
			 SPI_result_code_string(result));
	SPI_finish();
}
