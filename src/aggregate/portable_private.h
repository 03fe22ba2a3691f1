/*-------------------------------------------------------------------------
 *
 * portable_private.h
 *	  What portable_datum.c and portable_row.c share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_AGGREGATE_PORTABLE_PRIVATE_H
#define SA_AGGREGATE_PORTABLE_PRIVATE_H

#include "fmgr.h"

#include "aggregate/portable_datum.h"

/* What portable_row.c knows about a row type. */
struct SaRowShape;

struct SaDatumType
{
	Oid			typid;			/* never a domain */
	int16		typlen;
	bool		typbyval;
	char		typalign;
	SaDatumForm form;
	MemoryContext context;		/* what is looked up later lives here, too */

	FmgrInfo	output;			/* send or output function */
	FmgrInfo	input;			/* receive or input function */
	Oid			ioparam;
	bool		plain_text;		/* no setting has influence on the text */

	SaDatumType *element;		/* of an array */
	struct SaRowShape *row;			/* the last one seen */
};

/* Length and bytes. */
extern void sa_datum_write_bytes(StringInfo out, const char *data, int len);

/* Reads them as text, checked to be valid in the database's encoding. */
extern char *sa_datum_read_string(StringInfo in, int *len);

extern void sa_datum_write_row(SaDatumType *type, Datum value, StringInfo out);
extern Datum sa_datum_read_row(SaDatumType *type, StringInfo in);

#endif							/* SA_AGGREGATE_PORTABLE_PRIVATE_H */
