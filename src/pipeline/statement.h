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

/* The plan lives until SPI_freeplan(). */
extern SPIPlanPtr sa_statement_prepare(const char *sql, int nargs, Oid *argtypes);

/* Runs a statement that changes tables of a view, with no value NULL. */
extern void sa_statement_execute(SPIPlanPtr plan, Datum *values);

#endif							/* SA_PIPELINE_STATEMENT_H */
