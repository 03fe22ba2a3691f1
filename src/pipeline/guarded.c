/*-------------------------------------------------------------------------
 *
 * guarded.c
 *	  Running code over rows that may throw for some of them.
 *
 * NOTES
 *	  An error can be caught only by a subtransaction.  One that writes nothing
 *	  costs about a microsecond and no transaction ID, so one around many rows
 *	  costs nothing to speak of; only a row that throws pays for a new one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/row_error.h"
#include "pipeline/guarded.h"

typedef struct LoopState
{
	int			n;
	volatile int i;
	SaGuardedStep step;
	void	   *arg;
} LoopState;

static void
run_loop(void *arg)
{
	LoopState  *state = arg;

	for (; state->i < state->n; state->i++)
	{
		if ((state->i & 1023) == 0)
			CHECK_FOR_INTERRUPTS();
		state->step(state->arg, state->i);
	}
}

void
sa_guarded_loop(int n, SaGuardedStep step, SaGuardedFailed failed, void *arg)
{
	LoopState	state = {.n = n,.step = step,.arg = arg};

	while (state.i < n)
	{
		ErrorData  *error = sa_guarded_call(run_loop, &state);

		if (error == NULL)
			break;
		if (!failed(arg, state.i, error))
			state.i++;
		FreeErrorData(error);
	}
}

ErrorData *
sa_guarded_call(void (*function) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		function(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (error != NULL && !sa_is_row_error(error->sqlerrcode))
		ReThrowError(error);
	return error;
}
