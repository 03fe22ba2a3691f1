/*-------------------------------------------------------------------------
 *
 * statement.c
 *	  Statements that are prepared once and run with many batches.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
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

uint64
sa_plan_execute(PlannedStmt *plan, SaBatchScan *scan, DestReceiver *receiver,
				QueryEnvironment *environment)
{
	QueryDesc  *query;
	uint64		processed;

	CommandCounterIncrement();
	UpdateActiveSnapshotCommandId();
	query = CreateQueryDesc(plan, "<continuous view>", GetActiveSnapshot(),
							InvalidSnapshot, receiver, sa_batch_scan_params(scan),
							environment, 0);
	ExecutorStart(query, 0);
	sa_executor_run(query);
	processed = query->estate->es_processed;
	ExecutorFinish(query);
	ExecutorEnd(query);
	FreeQueryDesc(query);
	return processed;
}
