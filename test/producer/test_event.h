/*-------------------------------------------------------------------------
 *
 * test_event.h
 *	  The deterministic events that sa_producer produces.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_EVENT_H
#define TEST_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest JSON text of an event, padding included. */
#define TEST_EVENT_MAX_BYTES 65536

/* Room for a time as text. */
#define TEST_TIME_BYTES 32

typedef struct EventSpec
{
	uint64_t	seed;
	int64_t		producer;		/* field p */
	int64_t		keys;			/* number of users */
	int64_t		pages;
	int64_t		start_us;		/* time of event 0, Unix epoch */
	int64_t		step_us;		/* between events, before disorder */
	int64_t		disorder_us;	/* an event is at most so much early */
	int64_t		poison_every;	/* every n-th is malformed; 0: none */
	int64_t		late_every;		/* every n-th is far too late; 0: none */
	int64_t		size_bytes;		/* padded to so much */
	int			partitions;
	bool		by_key;			/* a key always in the same partition */
} EventSpec;

typedef struct Event
{
	int64_t		seq;			/* field s */
	int			partition;
	int64_t		user;
	int64_t		page;
	int64_t		cents;
	int64_t		time_us;		/* whole milliseconds */
	bool		poison;
} Event;

/* The event with number seq: the same for the same arguments, always. */
extern void test_event_make(const EventSpec *spec, int64_t seq, Event *event);

/* Writes the message's key; returns its length. */
extern int	test_event_key(const Event *event, char *buf, size_t size);

/*
 * Writes the message's value: JSON, or something that is not for a poisoned
 * event.  buf has TEST_EVENT_MAX_BYTES.  Returns its length.
 */
extern int	test_event_value(const EventSpec *spec, const Event *event,
							 char *buf);

/* Writes a time as "2026-01-01T00:00:00.000Z"; buf has TEST_TIME_BYTES. */
extern void test_time_format(int64_t time_us, char *buf);

#endif							/* TEST_EVENT_H */
