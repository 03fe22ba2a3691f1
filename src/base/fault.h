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
 *	  There, stream_agg.chunk_rows makes chunks so small that a test needs few rows
 *	  to have many, and batches grow whoever has set batch_rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_BASE_FAULT_H
#define SA_BASE_FAULT_H

#ifdef STREAM_AGG_FAULTS
extern char *sa_fault;
extern void sa_fault_point(const char *name);
extern int	sa_fault_chunk_rows;
#define SA_FAULT_POINT(name) sa_fault_point(name)
#define SA_FAULT_CHUNK_ROWS(usual) (sa_fault_chunk_rows > 0 ? sa_fault_chunk_rows : (usual))
#else
#define SA_FAULT_POINT(name) ((void) 0)
#define SA_FAULT_CHUNK_ROWS(usual) (usual)
#endif

#endif							/* SA_BASE_FAULT_H */
