/*-------------------------------------------------------------------------
 *
 * row_error.c
 *	  Which errors are a row's fault.
 *
 * NOTES
 *	  A list of what is, not of what is not: an error class that nobody thought
 *	  of must stop the view, since taking it for bad data would lose rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/row_error.h"

bool
sa_is_row_error(int sqlstate)
{
	/* a row nested deeper than the stack allows is data; so is one too large */
	if (sqlstate == ERRCODE_STATEMENT_TOO_COMPLEX ||
		sqlstate == ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		return true;

	/* "cached plan must not change result type" and the like aren't data */
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case MAKE_SQLSTATE('2', '1', '0', '0', '0'):	/* cardinality violation */
		case MAKE_SQLSTATE('2', '2', '0', '0', '0'):	/* data exception */
		case MAKE_SQLSTATE('2', '3', '0', '0', '0'):	/* constraint violation */
		case MAKE_SQLSTATE('2', '7', '0', '0', '0'):	/* triggered data change */
		case MAKE_SQLSTATE('3', '8', '0', '0', '0'):	/* external routine */
		case MAKE_SQLSTATE('3', '9', '0', '0', '0'):
		case MAKE_SQLSTATE('4', '4', '0', '0', '0'):	/* WITH CHECK OPTION */
		case MAKE_SQLSTATE('P', '0', '0', '0', '0'):	/* RAISE in PL/pgSQL */
			return true;
		default:
			return false;
	}
}
