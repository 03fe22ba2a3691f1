/*-------------------------------------------------------------------------
 *
 * message.h
 *	  One record of a Kafka partition, as the consumer hands it to a decoder.
 *
 * NOTES
 *	  Pointers lead into memory of the consumer and are valid until
 *	  sa_consumer_release().  Behind a value, SA_MESSAGE_PADDING bytes can be read,
 *	  whatever is in them: the JSON parser takes bytes by the dozen.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_BASE_MESSAGE_H
#define SA_BASE_MESSAGE_H

#define SA_MESSAGE_PADDING	64

typedef struct SaHeader
{
	const char *name;			/* zero-terminated */
	const char *value;			/* NULL: a header without a value */
	size_t		value_len;
} SaHeader;

typedef struct SaMessage
{
	int32		partition;
	int			nheaders;		/* 0 also if the consumer wasn't told to read them */
	int64		offset;
	int64		timestamp_ms;	/* since the Unix epoch; -1: none */
	const char *key;			/* NULL: no key; not zero-terminated */
	size_t		key_len;
	const char *value;			/* NULL: tombstone; not zero-terminated */
	size_t		value_len;
	SaHeader   *headers;
} SaMessage;

#endif							/* SA_BASE_MESSAGE_H */
