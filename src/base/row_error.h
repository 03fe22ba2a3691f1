/*-------------------------------------------------------------------------
 *
 * row_error.h
 *	  Which errors are a row's fault.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_BASE_ROW_ERROR_H
#define SA_BASE_ROW_ERROR_H

/*
 * True if an error with this SQLSTATE says that data did not fit, so that it
 * would come again with the same row and not with another: such a row may
 * become a dead letter.  All others (deadlock, cancel, disk full, missing
 * rights, a dropped function, …) are no row's fault; the batch is retried.
 */
extern bool sa_is_row_error(int sqlstate);

#endif							/* SA_BASE_ROW_ERROR_H */
