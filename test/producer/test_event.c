/*-------------------------------------------------------------------------
 *
 * test_event.c
 *	  The deterministic events that sa_producer produces.
 *
 * NOTES
 *	  An event is a pure function of the seed and its number.  So nothing has
 *	  to be remembered between producing it and its delivery report, and a test
 *	  can produce the same topic twice.
 *
 *	  Times run ahead by step_us and are set back by a random part of
 *	  disorder_us.  A stream with max_out_of_orderness = disorder therefore
 *	  never sees a late row, in whatever partition, but for the ones that
 *	  late_every asks for.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "test_event.h"

#define US_PER_MS 1000
#define US_PER_S INT64_C(1000000)

/* How far behind a deliberately late event is, beside the disorder. */
#define LATE_US (3600 * US_PER_S)

/* The finaliser of SplitMix64: mixes all bits of x. */
static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static bool
is_nth(int64_t seq, int64_t every)
{
	return every > 0 && seq % every == every - 1;
}

void
test_event_make(const EventSpec *spec, int64_t seq, Event *event)
{
	uint64_t	random = mix(spec->seed ^ mix((uint64_t) seq));
	int64_t		time_us = spec->start_us + seq * spec->step_us;

	event->seq = seq;
	event->user = random % (uint64_t) spec->keys;
	random = mix(random);
	event->page = random % (uint64_t) spec->pages;
	random = mix(random);
	event->cents = random % 10000;
	random = mix(random);
	if (spec->disorder_us > 0)
		time_us -= random % (uint64_t) spec->disorder_us;
	if (is_nth(seq, spec->late_every))
		time_us -= spec->disorder_us + LATE_US;
	event->time_us = time_us - time_us % US_PER_MS;
	random = mix(random);
	event->partition = (spec->by_key ? (uint64_t) event->user : random) %
		(uint64_t) spec->partitions;
	event->poison = is_nth(seq, spec->poison_every);
}

int
test_event_key(const Event *event, char *buf, size_t size)
{
	return snprintf(buf, size, "user-%lld", (long long) event->user);
}

void
test_time_format(int64_t time_us, char *buf)
{
	static time_t cached_second = -1;
	static char cached_text[TEST_TIME_BYTES];
	time_t		second = time_us / US_PER_S;

	/* Neighbouring events share the second: gmtime is what costs. */
	if (second != cached_second)
	{
		struct tm	parts;

		gmtime_r(&second, &parts);
		strftime(cached_text, sizeof(cached_text), "%Y-%m-%dT%H:%M:%S", &parts);
		cached_second = second;
	}
	snprintf(buf, TEST_TIME_BYTES, "%.19s.%03dZ", cached_text,
			 (int) (time_us % US_PER_S / US_PER_MS));
}

/* What is wrong with a poisoned message goes round, by its number. */
static int
poison_value(const EventSpec *spec, const Event *event, char *buf)
{
	static const char *const formats[] = {
		"{\"p\":%lld,\"s\":%lld,\"user_id\":\"cut o",
		"p=%lld s=%lld, not JSON at all",
		"{\"p\":%lld,\"s\":%lld,\"user_id\":\"no \xff UTF-8\"}",
	};
	int64_t		turn = event->seq / spec->poison_every;

	return snprintf(buf, TEST_EVENT_MAX_BYTES,
					formats[turn % (int64_t) (sizeof(formats) / sizeof(formats[0]))],
					(long long) spec->producer, (long long) event->seq);
}

int
test_event_value(const EventSpec *spec, const Event *event, char *buf)
{
	static const char pad_start[] = ",\"pad\":\"";
	char		time_text[TEST_TIME_BYTES];
	int			length;
	int			pad;

	if (event->poison)
		return poison_value(spec, event, buf);

	test_time_format(event->time_us, time_text);
	length = snprintf(buf, TEST_EVENT_MAX_BYTES,
					  "{\"p\":%lld,\"s\":%lld,\"user_id\":\"user-%lld\","
					  "\"page\":\"/page/%lld\",\"amount\":%lld.%02lld,"
					  "\"event_time\":\"%s\"",
					  (long long) spec->producer, (long long) event->seq,
					  (long long) event->user, (long long) event->page,
					  (long long) (event->cents / 100),
					  (long long) (event->cents % 100), time_text);
	pad = spec->size_bytes - length - (int) sizeof(pad_start) - 1;
	if (pad > 0)
	{
		memcpy(buf + length, pad_start, sizeof(pad_start) - 1);
		length += sizeof(pad_start) - 1;
		memset(buf + length, 'x', pad);
		length += pad;
		buf[length++] = '"';
	}
	buf[length++] = '}';
	return length;
}
