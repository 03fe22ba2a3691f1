/*-------------------------------------------------------------------------
 *
 * statement.h
 *	  Statements that are prepared once and run with many batches.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_STATEMENT_H
#define SA_PIPELINE_STATEMENT_H

#include "executor/spi.h"
#include "tcop/dest.h"

#include "pipeline/batch.h"

/* The plan lives until SPI_freeplan(). */
extern SPIPlanPtr sa_statement_prepare(const char *sql, int nargs, Oid *argtypes);

/* Runs a statement that changes tables of a view, with no value NULL. */
extern void sa_statement_execute(SPIPlanPtr plan, Datum *values);

/*
 * Executes a plan over a scan; returns the number of rows it processed.  The
 * environment holds what else it reads; NULL: nothing.
 */
extern uint64 sa_plan_execute(PlannedStmt *plan, SaBatchScan *scan, DestReceiver *receiver,
							  QueryEnvironment *environment);

#endif							/* SA_PIPELINE_STATEMENT_H */
