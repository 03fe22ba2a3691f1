/*-------------------------------------------------------------------------
 *
 * fault.h
 *	  Named points of the batch loop at which a test can make things go wrong.
 *
 * NOTES
 *	  Compiled in only with -DSTREAM_AGG_FAULTS; otherwise a point costs nothing
 *	  and no setting exists.  The setting stream_agg.fault has the form
 *	  'point:action' or 'point:action@n', for the n-th time the point is passed
 *	  in a process; actions are "error", "kill" (SIGKILL of the own process) and
 *	  "panic" (SIGKILL of the postmaster).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_BASE_FAULT_H
#define SA_BASE_FAULT_H

#ifdef STREAM_AGG_FAULTS
extern char *sa_fault;
extern void sa_fault_point(const char *name);
#define SA_FAULT_POINT(name) sa_fault_point(name)
#else
#define SA_FAULT_POINT(name) ((void) 0)
#endif

#endif							/* SA_BASE_FAULT_H */
