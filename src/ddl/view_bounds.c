/*-------------------------------------------------------------------------
 *
 * view_bounds.c
 *	  What keeps the state of a continuous view from growing for ever.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "ddl/view_bounds.h"

static void
refuse_without_window(const char *option)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"stream_agg.%s\" is for views with a window", option),
			 errhint("Leave the option out, or group by a window.")));
}

void
sa_view_bounds_check(const SaAggregateQuery *aq, const SaViewOptions *options)
{
	bool		windowed = aq != NULL && aq->windowed;

	if (options->late_function != NULL && !windowed)
		refuse_without_window("late_function");
	if (options->retention_us >= 0 && !windowed)
		refuse_without_window("retention");
	if (options->state_ttl_us >= 0 && windowed)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"stream_agg.state_ttl\" is for views without a window"),
				 errhint("Use the option \"stream_agg.retention\" to remove settled windows.")));
	if (options->state_ttl_us >= 0 && (aq == NULL || aq->keys == NIL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"stream_agg.state_ttl\" is for aggregates with GROUP BY"),
				 errhint("Leave the option out.")));
}
