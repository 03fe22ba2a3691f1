/*-------------------------------------------------------------------------
 *
 * decoder.h
 *	  From the bytes of one message to the Datums of one row.
 *
 * NOTES
 *	  Two steps, because they fail differently.  sa_decoder_parse() looks at
 *	  the message as a whole, never throws for bad input, and says what is
 *	  wrong with it; it costs nothing per column.  sa_decoder_column() converts
 *	  one value; it may call an input function of PostgreSQL and throws what
 *	  that throws, so the caller runs it where an error can be caught (one
 *	  subtransaction around many rows), and goes on with the next column or row
 *	  after an error: the state of the decoder survives a thrown error.
 *
 *	  Results are palloc'd in CurrentMemoryContext, never point into the
 *	  message, and are all that is left there.
 *
 *	  What is known about the columns' types is looked up when a decoder is
 *	  made, which needs a transaction; so does sa_decoder_column().  A decoder
 *	  must be made anew when a type of its columns changes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DECODE_DECODER_H
#define SA_DECODE_DECODER_H

#include "datatype/timestamp.h"
#include "pgtime.h"

#include "base/message.h"
#include "decode/column.h"

typedef enum SaFormat
{
	SA_FORMAT_JSON,
	SA_FORMAT_RAW
} SaFormat;

/* why a message could not be read */
typedef struct SaDecodeError
{
	int			sqlstate;
	char	   *message;		/* palloc'd in CurrentMemoryContext */
	char	   *detail;			/* or NULL */
} SaDecodeError;

typedef struct SaDecoder SaDecoder;

/*
 * Can a column with this source be of this type?  Returns NULL if so, else a
 * reason that can serve as an errmsg.  Needs a transaction.
 */
extern const char *sa_column_check_type(const SaColumn *column,
										SaFormat format);

/*
 * Columns that are not listed are not looked at.  "columns" must outlive the
 * decoder.  "zone" is where time text without a zone is read.  Everything is
 * allocated in a child of "parent"; deleting that frees it all.
 */
extern SaDecoder *sa_decoder_create(SaFormat format, const SaColumn *columns,
									int ncolumns, pg_tz *zone,
									const char *topic, MemoryContext parent);

/*
 * What the message points to must stay valid until the last
 * sa_decoder_column() for it.  Returns false and fills *error for a message
 * that is bad as a whole; columns filled from its metadata can be asked for all
 * the same, and all fields are missing.
 *
 * In JSON a message must be one valid document, and an object if there are
 * columns filled from fields; a message without value is an error only if
 * there are such columns.  SQLSTATEs: 22P02 (also for a message that is empty),
 * 22P05, 22021, 22004 (no value), 54001 (nested too deeply), 54000 (too large).
 */
extern bool sa_decoder_parse(SaDecoder *decoder, const SaMessage *message,
							 TimestampTz processed_at, SaDecodeError *error);

/*
 * Value of columns[index] for the message parsed last.  *missing is set when
 * the message has no such field (a JSON null is not missing); then the result
 * is NULL and the caller applies the column's default.
 *
 * For a NULL of a domain type the domain's constraints have been checked, for a
 * missing value they have not.
 */
extern Datum sa_decoder_column(SaDecoder *decoder, int index,
							   bool *isnull, bool *missing);

extern void sa_decoder_free(SaDecoder *decoder);

#endif							/* SA_DECODE_DECODER_H */
