/*-------------------------------------------------------------------------
 *
 * message_column.h
 *	  Columns that are filled from the message itself: key, value, offset ...
 *	  Private to decode/.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DECODE_MESSAGE_COLUMN_H
#define SA_DECODE_MESSAGE_COLUMN_H

#include "decode/convert.h"
#include "decode/decoder.h"

/* The message at hand. */
typedef struct SaMessageState
{
	SaMessage	message;
	const char *topic;
	TimestampTz processed_at;
	bool		value_is_json;	/* it has been found to be valid */
} SaMessageState;

extern Datum sa_message_column(SaConversion *conversion,
							   const SaMessageState *state, bool *isnull);

/* The message's value, whatever the column's source is. */
extern Datum sa_message_value(SaConversion *conversion,
							  const SaMessageState *state, bool *isnull);

#endif							/* SA_DECODE_MESSAGE_COLUMN_H */
