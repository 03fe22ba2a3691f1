/*-------------------------------------------------------------------------
 *
 * json_ahead.h
 *	  Scans JSON documents on a second thread, ahead of who wants their values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DECODE_JSON_AHEAD_H
#define SA_DECODE_JSON_AHEAD_H

#include "base/message.h"
#include "decode/json_scan.h"

typedef struct SaJsonAhead SaJsonAhead;

/* What it takes to scan: one for each thread. */
typedef struct SaJsonReader
{
	SaJsonField *root;			/* the same tree for both */
	SaJsonScanner *scanner;
} SaJsonReader;

/*
 * Begins to scan the values of messages, in their order.  "theirs" is for the
 * thread, "ours" for the caller's; they and the messages must stay until the end.
 * Allocates in CurrentMemoryContext.  Returns NULL if there is no thread to be
 * had.
 */
extern SaJsonAhead *sa_json_ahead_begin(SaJsonReader theirs, SaJsonReader ours,
										const SaMessage *messages, int nmessages);

/*
 * The values of the fields of a message, as they stand in the tree, the root's
 * first; NULL: the caller has to scan it, which is so for every message that is
 * not what it should be.  Messages are asked for in their order, and the values
 * are gone when the next is asked for.
 */
extern const SaJsonValue *sa_json_ahead_values(SaJsonAhead *ahead,
											   const SaMessage *message);

/* Returns when the thread does nothing any more.  May be called again. */
extern void sa_json_ahead_end(SaJsonAhead *ahead);

#endif							/* SA_DECODE_JSON_AHEAD_H */
