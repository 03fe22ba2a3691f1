/*-------------------------------------------------------------------------
 *
 * ahead_test.c
 *	  Scanning ahead, with a thread that is slow whenever it hurts.
 *
 * NOTES
 *	  The Makefile compiles json_ahead.c so that it calls slow_json_scan() in
 *	  the place of sa_json_scan().  On the thread that sleeps in the middle of
 *	  some chunks, for as long as it would take the main thread to scan all of the
 *	  window: as if the thread had lost its processor.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <pthread.h>
#include <unistd.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "decode/decoder.h"
#include "decode/json_scan.h"

#define SLEEP_EVERY		100		/* documents */
#define SLEEP_US		3000

extern SaJsonStatus slow_json_scan(SaJsonScanner *scanner, SaJsonField *root,
								   const char *text, size_t len);

static pthread_t main_thread;

SaJsonStatus
slow_json_scan(SaJsonScanner *scanner, SaJsonField *root, const char *text, size_t len)
{
	static int	ndocs = 0;		/* of the thread, of which there is one */

	if (!pthread_equal(pthread_self(), main_thread) && ++ndocs % SLEEP_EVERY == 0)
		usleep(SLEEP_US);
	return sa_json_scan(scanner, root, text, len);
}

/* Every 97th document is not valid, and has to be found out by the main thread. */
static bool
is_broken(int n)
{
	return n % 97 == 0;
}

static SaMessage *
make_messages(int count)
{
	SaMessage  *messages = palloc0(sizeof(SaMessage) * count);

	for (int n = 0; n < count; n++)
	{
		char	   *text = palloc0(64 + SA_MESSAGE_PADDING);

		messages[n].value_len = snprintf(text, 64, "{\"other\": [1, 2], \"n\": %d%s", n,
										 is_broken(n) ? "" : "}");
		messages[n].value = text;
		messages[n].timestamp_ms = -1;
	}
	return messages;
}

PG_FUNCTION_INFO_V1(decode_ahead);

/* Number of messages, out of so many, of which something else came out. */
Datum
decode_ahead(PG_FUNCTION_ARGS)
{
	int			count = PG_GETARG_INT32(0);
	SaColumn	column = {.attnum = 1,.name = "n",.type = INT4OID,.typmod = -1,
	.source = SA_SOURCE_FIELD,.path = list_make1("n")};
	SaMessage  *messages = make_messages(count);
	SaDecoder  *decoder = sa_decoder_create(SA_FORMAT_JSON, &column, 1, pg_tzset("UTC"),
											"test", CurrentMemoryContext);
	int			wrong = 0;

	main_thread = pthread_self();
	sa_decoder_scan_ahead(decoder, messages, count);
	for (int n = 0; n < count; n++)
	{
		SaDecodeError error;
		bool		isnull;
		bool		missing;
		bool		parsed = sa_decoder_parse(decoder, &messages[n], 0, &error);

		if (parsed == is_broken(n) ||
			(parsed && DatumGetInt32(sa_decoder_column(decoder, 0, &isnull, &missing)) != n))
			wrong++;
	}
	sa_decoder_stop_ahead(decoder);
	sa_decoder_free(decoder);
	PG_RETURN_INT32(wrong);
}
