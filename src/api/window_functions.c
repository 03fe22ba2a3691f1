/*-------------------------------------------------------------------------
 *
 * window_functions.c
 *	  The C functions under tumble, hop, cumulate and session.
 *
 * NOTES
 *	  The user's functions are SQL over these (install/parts/20_windows.sql),
 *	  so that the planner inlines them.  Each function serves timestamptz and
 *	  timestamp alike: both are microseconds, and a timestamp without zone is
 *	  taken as UTC.  Nothing here depends on the session's TimeZone.
 *
 *	  NULL and infinite times lie in no window: the result is NULL, and of a
 *	  set-returning function one NULL, so that all window functions give
 *	  such a row the same bounds.  A missing size, slide, step or gap is an
 *	  error instead, since nobody can mean it.
 *
 *	  The size and what goes with it are constants in practice, so each call
 *	  site keeps, in fn_extra, what they amount to, together with the
 *	  arguments it was made from (compared on each call, by value) and the
 *	  last window that was found, which in a stream of rows is often the next
 *	  one too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "stream_agg.h"
#include "window/window_check.h"

/* The arguments of a call; pointers lead into the arguments themselves. */
typedef struct WindowArgs
{
	const Interval *size;
	const Interval *slide;		/* NULL: this kind has none */
	bool		has_origin;
	int64		origin;
	const char *zone;			/* NULL: none; not zero-terminated */
	int			zone_len;
} WindowArgs;

/* fn_extra of a call site */
typedef struct WindowCache
{
	/* the arguments that spec was made from */
	Interval	size;
	Interval	slide;
	bool		has_origin;
	int64		origin;
	int			zone_len;		/* -1: none */
	char		zone[TZ_STRLEN_MAX + 1];

	SaWindowSpec spec;
	SaWindow	last;			/* the latest result; empty: none yet */
} WindowCache;

/* user_fctx of a set-returning function */
typedef struct WindowSet
{
	bool		no_window;		/* the time is NULL or infinite */
	SaWindowSpec spec;			/* else */
	SaWindowCursor cursor;		/* else */
} WindowSet;

static void read_args(FunctionCallInfo fcinfo, SaWindowKind kind,
					  WindowArgs *args);
static const Interval *interval_arg(FunctionCallInfo fcinfo, int argno,
									const char *name);
static void init_spec(SaWindowSpec *spec, SaWindowKind kind,
					  const WindowArgs *args);
static pg_tz *find_zone(const WindowArgs *args);
static WindowCache *lookup_cache(FunctionCallInfo fcinfo, SaWindowKind kind);
static bool is_cached(const WindowCache *cache, const WindowArgs *args);
static bool find_window(FunctionCallInfo fcinfo, SaWindowKind kind,
						SaWindow *window);
static Datum next_bound(FunctionCallInfo fcinfo, SaWindowKind kind);
static WindowSet *begin_windows(FunctionCallInfo fcinfo, SaWindowKind kind);

SA_FUNCTION_INFO_V1(stream_agg_tumble_start);
SA_FUNCTION_INFO_V1(stream_agg_tumble_end);
SA_FUNCTION_INFO_V1(stream_agg_hop_starts);
SA_FUNCTION_INFO_V1(stream_agg_hop_end);
SA_FUNCTION_INFO_V1(stream_agg_cumulate_ends);
SA_FUNCTION_INFO_V1(stream_agg_session_end);

/*
 * tumble_start(ts, size, origin, timezone): start of the window that holds ts.
 */
Datum
stream_agg_tumble_start(PG_FUNCTION_ARGS)
{
	SaWindow	window;

	if (!find_window(fcinfo, SA_WINDOW_TUMBLE, &window))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(window.start);
}

/*
 * tumble_end(ts, size, origin, timezone): end of the window that holds ts.
 */
Datum
stream_agg_tumble_end(PG_FUNCTION_ARGS)
{
	SaWindow	window;

	if (!find_window(fcinfo, SA_WINDOW_TUMBLE, &window))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(window.end);
}

/*
 * hop_starts(ts, slide, size, origin, timezone): starts of the windows that
 * hold ts, ascending.
 */
Datum
stream_agg_hop_starts(PG_FUNCTION_ARGS)
{
	return next_bound(fcinfo, SA_WINDOW_HOP);
}

/*
 * hop_end(start, slide, size, origin, timezone): end of the window that starts
 * there.
 */
Datum
stream_agg_hop_end(PG_FUNCTION_ARGS)
{
	SaWindow	window;

	/* of the windows started at or before a start, it is the last */
	if (!find_window(fcinfo, SA_WINDOW_HOP, &window))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(window.end);
}

/*
 * cumulate_ends(ts, step, size, origin, timezone): ends of the windows that
 * hold ts, ascending.  Their common start is tumble_start(ts, size, …).
 */
Datum
stream_agg_cumulate_ends(PG_FUNCTION_ARGS)
{
	return next_bound(fcinfo, SA_WINDOW_CUMULATE);
}

/*
 * session_end(ts, gap): when a session ends whose last row is at ts.
 */
Datum
stream_agg_session_end(PG_FUNCTION_ARGS)
{
	SaWindow	window;

	if (!find_window(fcinfo, SA_WINDOW_SESSION, &window))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(window.end);
}

/*
 * The one place that knows the order of the arguments:
 * (ts [, slide | step], size [, origin, timezone]).
 */
static void
read_args(FunctionCallInfo fcinfo, SaWindowKind kind, WindowArgs *args)
{
	int			argno = 1;

	args->slide = NULL;
	args->has_origin = false;
	args->origin = 0;
	args->zone = NULL;
	args->zone_len = -1;

	if (kind == SA_WINDOW_SESSION)
	{
		args->size = interval_arg(fcinfo, argno, "gap");
		return;
	}

	if (kind == SA_WINDOW_HOP)
		args->slide = interval_arg(fcinfo, argno++, "slide");
	else if (kind == SA_WINDOW_CUMULATE)
		args->slide = interval_arg(fcinfo, argno++, "step");
	args->size = interval_arg(fcinfo, argno++, "size");

	if (!PG_ARGISNULL(argno))
	{
		args->has_origin = true;
		args->origin = PG_GETARG_TIMESTAMPTZ(argno);
	}
	argno++;
	if (!PG_ARGISNULL(argno))
	{
		text	   *zone = PG_GETARG_TEXT_PP(argno);

		args->zone = VARDATA_ANY(zone);
		args->zone_len = VARSIZE_ANY_EXHDR(zone);
	}
}

static const Interval *
interval_arg(FunctionCallInfo fcinfo, int argno, const char *name)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("window argument \"%s\" must not be null", name)));
	return PG_GETARG_INTERVAL_P(argno);
}

static void
init_spec(SaWindowSpec *spec, SaWindowKind kind, const WindowArgs *args)
{
	pg_tz	   *zone = args->zone ? find_zone(args) : NULL;

	sa_window_check(sa_window_spec_init(spec, kind, args->size, args->slide,
										args->has_origin ? &args->origin : NULL,
										zone));
}

static pg_tz *
find_zone(const WindowArgs *args)
{
	char	   *name = pnstrdup(args->zone, args->zone_len);
	pg_tz	   *zone = sa_window_zone(name);

	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", name),
				 errhint("Use a name from pg_timezone_names, such as \"Europe/Berlin\".")));
	pfree(name);
	return zone;
}

/*
 * The call site's cache, made anew if the arguments are not those of the
 * previous call.
 */
static WindowCache *
lookup_cache(FunctionCallInfo fcinfo, SaWindowKind kind)
{
	WindowCache *cache = fcinfo->flinfo->fn_extra;
	SaWindowSpec spec;
	WindowArgs	args;

	read_args(fcinfo, kind, &args);
	if (cache != NULL && is_cached(cache, &args))
		return cache;

	init_spec(&spec, kind, &args);
	if (cache == NULL)
		cache = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(*cache));
	cache->spec = spec;
	cache->size = *args.size;
	if (args.slide != NULL)
		cache->slide = *args.slide;
	cache->has_origin = args.has_origin;
	cache->origin = args.origin;
	cache->zone_len = args.zone_len;
	Assert(args.zone_len <= TZ_STRLEN_MAX);
	if (args.zone != NULL)
		memcpy(cache->zone, args.zone, args.zone_len);
	cache->last.start = cache->last.end = 0;
	fcinfo->flinfo->fn_extra = cache;
	return cache;
}

/*
 * Same bits, so that '1 day' and '24 hours', which are equal, are told apart.
 */
static bool
is_cached(const WindowCache *cache, const WindowArgs *args)
{
	return memcmp(&cache->size, args->size, sizeof(Interval)) == 0 &&
		(args->slide == NULL ||
		 memcmp(&cache->slide, args->slide, sizeof(Interval)) == 0) &&
		cache->has_origin == args->has_origin &&
		cache->origin == args->origin &&
		cache->zone_len == args->zone_len &&
		(args->zone == NULL ||
		 memcmp(cache->zone, args->zone, args->zone_len) == 0);
}

/*
 * The window of the time in argument 0, as sa_window_assign has it.  Returns
 * false if that time lies in no window.
 */
static bool
find_window(FunctionCallInfo fcinfo, SaWindowKind kind, SaWindow *window)
{
	WindowCache *cache;
	int64		ts;

	if (PG_ARGISNULL(0))
		return false;
	ts = PG_GETARG_TIMESTAMPTZ(0);
	if (TIMESTAMP_NOT_FINITE(ts))
		return false;

	cache = lookup_cache(fcinfo, kind);
	if (kind == SA_WINDOW_TUMBLE &&
		ts >= cache->last.start && ts < cache->last.end)
		*window = cache->last;
	else
	{
		sa_window_check(sa_window_assign(&cache->spec, ts, window));
		cache->last = *window;
	}
	return true;
}

/*
 * The bound that tells the windows of argument 0 apart, one window a call: of
 * a hop the start, of a cumulate the end.
 */
static Datum
next_bound(FunctionCallInfo fcinfo, SaWindowKind kind)
{
	WindowSet  *set = begin_windows(fcinfo, kind);
	FuncCallContext *funcctx = SRF_PERCALL_SETUP();
	SaWindow	window;

	if (set->no_window && funcctx->call_cntr == 0)
		SRF_RETURN_NEXT_NULL(funcctx);
	if (set->no_window || set->cursor.left <= 0)
		SRF_RETURN_DONE(funcctx);
	sa_window_check(sa_window_next(&set->cursor, &window));
	SRF_RETURN_NEXT(funcctx,
					TimestampTzGetDatum(kind == SA_WINDOW_HOP ?
										window.start : window.end));
}

/*
 * The windows of the time in argument 0, looked up on the first call of a
 * series.
 */
static WindowSet *
begin_windows(FunctionCallInfo fcinfo, SaWindowKind kind)
{
	FuncCallContext *funcctx;
	WindowSet  *set;
	WindowArgs	args;

	if (!SRF_IS_FIRSTCALL())
		return ((FuncCallContext *) fcinfo->flinfo->fn_extra)->user_fctx;

	funcctx = SRF_FIRSTCALL_INIT();
	set = MemoryContextAlloc(funcctx->multi_call_memory_ctx, sizeof(*set));
	funcctx->user_fctx = set;
	set->no_window = PG_ARGISNULL(0) ||
		TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(0));
	if (set->no_window)
		return set;
	read_args(fcinfo, kind, &args);
	init_spec(&set->spec, kind, &args);
	sa_window_check(sa_window_begin(&set->cursor, &set->spec,
									PG_GETARG_TIMESTAMPTZ(0)));
	return set;
}
