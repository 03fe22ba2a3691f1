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
	bool		changeable;		/* by ALTER … SET and RESET */
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
	{"continuous", false, apply_continuous},
	{"start", false, apply_start},
	{"into", false, apply_into},
	{"emit", false, apply_emit},
	{"late", true, apply_late},
	{"allowed_lateness", false, apply_allowed_lateness},
	{"late_function", true, apply_late_function},
	{"retention", true, apply_retention},
	{"state_ttl", false, apply_state_ttl},
};

/* options that are promised, but that this version does not have */
static const char *const later_options[] = {
	"key", "sink"
};

bool
sa_view_option_is_ours(const DefElem *option)
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

		if (sa_view_option_is_ours(option) && strcmp(option->defname, "continuous") == 0)
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

static const ViewOption *
find_option(DefElem *option)
{
	for (int i = 0; i < lengthof(view_options); i++)
	{
		if (strcmp(view_options[i].name, option->defname) == 0)
			return &view_options[i];
	}
	report_unknown(option);
	return NULL;				/* not reached */
}

void
sa_view_option_change(SaViewOptions *options, DefElem *option)
{
	const ViewOption *found = find_option(option);

	if (!found->changeable)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("option \"%s.%s\" of a continuous view cannot be changed",
						SA_EXTENSION_NAME, option->defname),
				 errdetail("The tables of the view were made for it."),
				 errhint("Drop the continuous view and create it again.")));
	if (option->arg != NULL)
		found->apply(options, option);
	else if (strcmp(found->name, "late") == 0)
		options->late_drop = false;
	else if (strcmp(found->name, "late_function") == 0)
		options->late_function = NULL;
	else
		options->retention_us = -1;
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

		if (!sa_view_option_is_ours(option))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a continuous view does not take the parameter \"%s\"", option->defname),
					 errhint("Use ALTER TABLE on the table behind the view; see stream_agg.data_table().")));
		find_option(option)->apply(result, option);
	}
}
