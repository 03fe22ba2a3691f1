/*-------------------------------------------------------------------------
 *
 * guarded.h
 *	  Running code over rows that may throw for some of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_PIPELINE_GUARDED_H
#define SA_PIPELINE_GUARDED_H

#include "utils/elog.h"

/* Does what is to be done for item i. */
typedef void (*SaGuardedStep) (void *arg, int i);

/*
 * Takes note of the error that the step threw for item i.  Returns true to
 * have the step called again for the same item.
 */
typedef bool (*SaGuardedFailed) (void *arg, int i, const ErrorData *error);

/*
 * Calls step for each of n items.  An error that is a row's fault goes to
 * "failed", and the loop goes on; any other error is thrown on.
 */
extern void sa_guarded_loop(int n, SaGuardedStep step, SaGuardedFailed failed,
							void *arg);

/*
 * Calls the function.  Returns NULL, or the error it threw if that is a row's
 * fault; then everything that the function did in the database is undone.
 */
extern ErrorData *sa_guarded_call(void (*function) (void *arg), void *arg);

#endif							/* SA_PIPELINE_GUARDED_H */
