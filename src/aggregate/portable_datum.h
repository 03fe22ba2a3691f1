/*-------------------------------------------------------------------------
 *
 * portable_datum.h
 *	  Values of any type as bytes that outlive a dump and a restore.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_AGGREGATE_PORTABLE_DATUM_H
#define SA_AGGREGATE_PORTABLE_DATUM_H

#include "lib/stringinfo.h"

/* How the values of a type are written; stored, so numbers are never reused. */
typedef enum SaDatumForm
{
	SA_DATUM_BY_VALUE = 1,		/* as a number */
	SA_DATUM_STRING = 2,		/* text and its kin: the characters */
	SA_DATUM_BINARY = 3,		/* what its send function gives */
	SA_DATUM_TEXT = 4,			/* what its output function gives */
	SA_DATUM_ENUM = 5,			/* the label */
	SA_DATUM_ARRAY = 6,			/* element by element */
	SA_DATUM_ROW = 7,			/* column by column */
} SaDatumForm;

typedef struct SaDatumType SaDatumType;

/* Looks up a type; the result lives in CurrentMemoryContext. */
extern SaDatumType *sa_datum_type(Oid typid);

extern SaDatumForm sa_datum_form(const SaDatumType *type);

/*
 * Appends a value.  Values that are equal in every respect give equal bytes.
 */
extern void sa_datum_write(SaDatumType *type, Datum value, StringInfo out);

/*
 * Reads a value, into CurrentMemoryContext.  Whatever the bytes are, the result
 * is a valid value, or an error is raised.
 */
extern Datum sa_datum_read(SaDatumType *type, StringInfo in);

/* Raises the error for bytes that were not written here. */
extern void sa_datum_corrupt(void) __attribute__((noreturn));

#endif							/* SA_AGGREGATE_PORTABLE_DATUM_H */
