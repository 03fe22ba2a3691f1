/*-------------------------------------------------------------------------
 *
 * fault.c
 *	  Named points of the batch loop at which a test can make things go wrong.
 *
 * NOTES
 *	  See fault.h.  Nothing of this is in an ordinary build.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef STREAM_AGG_FAULTS

#include <signal.h>
#include <unistd.h>

#include "miscadmin.h"

#include "base/fault.h"

char	   *sa_fault = NULL;
int			sa_fault_chunk_rows = 0;

static int	times_passed = 0;

/*
 * Does what the setting says if it names this point.  A file of that name with
 * the suffix ".done" in the data directory disarms it, so that a server that
 * was killed does not kill itself again after its restart.
 */
void
sa_fault_point(const char *name)
{
	size_t		len = strlen(name);
	const char *action;
	const char *at;
	char		done[MAXPGPATH];
	int			nth = 1;

	if (sa_fault == NULL || strncmp(sa_fault, name, len) != 0 || sa_fault[len] != ':')
		return;

	action = sa_fault + len + 1;
	at = strchr(action, '@');
	if (at != NULL)
		nth = atoi(at + 1);
	if (++times_passed != nth)
		return;

	snprintf(done, sizeof(done), "stream_agg.fault.%s.done", name);
	if (access(done, F_OK) == 0)
		return;
	fclose(fopen(done, "w"));

	if (strncmp(action, "error", 5) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("fault injected at \"%s\"", name)));
	if (strncmp(action, "kill", 4) == 0)
		kill(MyProcPid, SIGKILL);
	if (strncmp(action, "panic", 5) == 0)
	{
		kill(PostmasterPid, SIGKILL);
		kill(MyProcPid, SIGKILL);
	}
}

#endif							/* STREAM_AGG_FAULTS */
