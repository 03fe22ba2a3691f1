/*-------------------------------------------------------------------------
 *
 * view_options.c
 *	  Options of CREATE MATERIALIZED VIEW … WITH (stream_agg.…).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "nodes/parsenodes.h"

#include "base/nearest.h"
#include "ddl/start_position.h"
#include "ddl/view_options.h"
#include "metadata/stream_options.h"
#include "stream_agg.h"

typedef struct ViewOption
{
	const char *name;
	void		(*apply) (SaViewOptions *options, DefElem *option);
} ViewOption;

static void
report_value(DefElem *option, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s.%s\": \"%s\"", SA_EXTENSION_NAME,
					option->defname, defGetString(option)),
			 errhint("%s", hint)));
}

static void
apply_continuous(SaViewOptions *options, DefElem *option)
{
	options->continuous = defGetBoolean(option);
}

static void
apply_start(SaViewOptions *options, DefElem *option)
{
	options->start = defGetString(option);
	sa_start_check(options->start);
}

static void
apply_into(SaViewOptions *options, DefElem *option)
{
	options->into = defGetString(option);
}

static void
apply_emit(SaViewOptions *options, DefElem *option)
{
	char	   *value = defGetString(option);

	if (strcmp(value, "changes") != 0 && strcmp(value, "final") != 0)
		report_value(option, "Use \"changes\" or \"final\".");
	options->emit_final = strcmp(value, "final") == 0;
}

static void
apply_late(SaViewOptions *options, DefElem *option)
{
	char	   *value = defGetString(option);

	if (strcmp(value, "record") != 0 && strcmp(value, "drop") != 0)
		report_value(option, "Use \"record\" or \"drop\".");
	options->late_drop = strcmp(value, "drop") == 0;
}

static void
apply_allowed_lateness(SaViewOptions *options, DefElem *option)
{
	options->allowed_lateness_us = sa_duration_parse("stream_agg.allowed_lateness",
													 defGetString(option));
}

static void
apply_late_function(SaViewOptions *options, DefElem *option)
{
	options->late_function = defGetString(option);
}

static void
apply_retention(SaViewOptions *options, DefElem *option)
{
	options->retention_us = sa_duration_parse("stream_agg.retention", defGetString(option));
}

static void
apply_state_ttl(SaViewOptions *options, DefElem *option)
{
	options->state_ttl_us = sa_duration_parse("stream_agg.state_ttl", defGetString(option));
	if (options->state_ttl_us == 0)
		report_value(option, "Use a length of time, such as \"90 days\".");
}

static const ViewOption view_options[] = {
	{"continuous", apply_continuous},
	{"start", apply_start},
	{"into", apply_into},
	{"emit", apply_emit},
	{"late", apply_late},
	{"allowed_lateness", apply_allowed_lateness},
	{"late_function", apply_late_function},
	{"retention", apply_retention},
	{"state_ttl", apply_state_ttl},
};

/* options that are promised, but that this version does not have */
static const char *const later_options[] = {
	"key", "sink"
};

static bool
is_ours(DefElem *option)
{
	return option->defnamespace != NULL &&
		strcmp(option->defnamespace, SA_EXTENSION_NAME) == 0;
}

bool
sa_view_options_continuous(List *options)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (is_ours(option) && strcmp(option->defname, "continuous") == 0)
			return defGetBoolean(option);
	}
	return false;
}

static void
report_unknown(DefElem *option)
{
	SaNearest	nearest;

	for (int i = 0; i < lengthof(later_options); i++)
	{
		if (strcmp(later_options[i], option->defname) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("option \"%s.%s\" is not supported yet",
							SA_EXTENSION_NAME, option->defname)));
	}

	sa_nearest_init(&nearest, option->defname);
	for (int i = 0; i < lengthof(view_options); i++)
		sa_nearest_offer(&nearest, view_options[i].name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized option \"%s.%s\"", SA_EXTENSION_NAME, option->defname),
			 sa_nearest_found(&nearest) != NULL ?
			 errhint("Perhaps you meant the option \"%s.%s\".", SA_EXTENSION_NAME,
					 sa_nearest_found(&nearest)) : 0));
}

void
sa_view_options_read(List *options, SaViewOptions *result)
{
	ListCell   *lc;

	memset(result, 0, sizeof(*result));
	result->start = "earliest";
	result->retention_us = -1;
	result->state_ttl_us = -1;
	foreach(lc, options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);
		int			i;

		if (!is_ours(option))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a continuous view does not take the parameter \"%s\"", option->defname),
					 errhint("Use ALTER TABLE on the table behind the view; see stream_agg.data_table().")));
		for (i = 0; i < lengthof(view_options); i++)
		{
			if (strcmp(view_options[i].name, option->defname) == 0)
				break;
		}
		if (i == lengthof(view_options))
			report_unknown(option);
		view_options[i].apply(result, option);
	}
}
