/*-------------------------------------------------------------------------
 *
 * settings.h
 *	  Values of the settings; guc.c registers them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_BASE_SETTINGS_H
#define SA_BASE_SETTINGS_H

#define SA_DEFAULT_BATCH_ROWS	100000

extern int	sa_flush_interval_ms;
extern int	sa_batch_rows;
extern int	sa_synchronous_commit;
extern int	sa_max_worker_memory_kb;

#endif							/* SA_BASE_SETTINGS_H */
