/*-------------------------------------------------------------------------
 *
 * test_manifest.c
 *	  The record of what a topic really holds, from delivery reports.
 *
 * NOTES
 *	  One line per message in PostgreSQL's COPY text format, for a table with
 *	  the columns
 *
 *		partition, "offset", p, s, user_id, page, amount, event_time, poison
 *
 *	  The values of a poisoned message are NULL, since none can be read.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <string.h>

#include "test_client.h"
#include "test_manifest.h"

FILE *
test_manifest_open(const char *path)
{
	FILE	   *file = fopen(path, "w");

	if (file == NULL)
		test_die("could not open \"%s\": %s", path, strerror(errno));
	return file;
}

void
test_manifest_event(FILE *file, const EventSpec *spec, const Event *event,
					int64_t offset)
{
	char		time_text[TEST_TIME_BYTES];

	fprintf(file, "%d\t%lld\t%lld\t%lld\t", event->partition, (long long) offset,
			(long long) spec->producer, (long long) event->seq);
	if (event->poison)
	{
		fputs("\\N\t\\N\t\\N\t\\N\tt\n", file);
		return;
	}
	test_time_format(event->time_us, time_text);
	fprintf(file, "user-%lld\t/page/%lld\t%lld.%02lld\t%s\tf\n",
			(long long) event->user, (long long) event->page,
			(long long) (event->cents / 100), (long long) (event->cents % 100),
			time_text);
}

void
test_manifest_line(FILE *file, int partition, int64_t offset, int64_t line)
{
	fprintf(file, "%d\t%lld\t\\N\t%lld\t\\N\t\\N\t\\N\t\\N\tf\n",
			partition, (long long) offset, (long long) line);
}

void
test_manifest_close(FILE *file)
{
	if (ferror(file) || fclose(file) != 0)
		test_die("could not write the manifest: %s", strerror(errno));
}
