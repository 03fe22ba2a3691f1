/*-------------------------------------------------------------------------
 *
 * json_scan.h
 *	  Validates a JSON document and finds the wanted fields in it.
 *
 * NOTES
 *	  A C face for simdjson, which is C++.  Neither side includes the other's
 *	  headers: this file knows nothing of PostgreSQL, and simdjson is known to
 *	  json_scan.cc alone.  Nothing here throws; memory is malloc'd, so the owner
 *	  of a scanner must see to it that sa_json_scanner_free() is called.
 *
 *	  The caller hands over the wanted fields as a tree in one array, parents
 *	  before children (json_fields.h builds it), and finds their values in it
 *	  after a scan.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DECODE_JSON_SCAN_H
#define SA_DECODE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C"
{
#endif

/* Deeper documents are refused; it is what simdjson sets aside by default. */
#define SA_JSON_MAX_DEPTH 1024

/* The parser takes bytes by the dozen: so many behind a document must be readable. */
#define SA_JSON_PADDING 64

typedef enum SaJsonKind
{
	SA_JSON_MISSING,
	SA_JSON_NULL,
	SA_JSON_FALSE,
	SA_JSON_TRUE,
	SA_JSON_NUMBER,
	SA_JSON_STRING,
	SA_JSON_OBJECT,
	SA_JSON_ARRAY
} SaJsonKind;

/*
 * "text" points into the scanned document and is what stands there; of a
 * string, what stands between the quotes.
 */
typedef struct SaJsonValue
{
	SaJsonKind	kind;
	bool		escaped;		/* a string with a backslash in it */
	const char *text;
	size_t		len;
} SaJsonValue;

typedef struct SaJsonField SaJsonField;

struct SaJsonField
{
	/* place in the tree; the root stands for the document */
	SaJsonField *parent;		/* NULL: root */
	SaJsonField **children;		/* ordered by sa_json_name_compare() */
	int			nchildren;
	uint64_t	child_lengths;	/* a bit for each length of their names; the last one
								 * for all longer names */
	SaJsonField *end;			/* behind the last field below this one */

	/* the name, in UTF-8 and without escapes */
	const char *name;
	size_t		name_len;
	bool		has_backslash;	/* can't be equal to a name as it is written */

	/* the order in which messages have the fields, learned from the last one */
	SaJsonField *next;			/* sibling that follows; never NULL */
	SaJsonField *expected;		/* child to try first; NULL: no children */
	SaJsonField *last;			/* child found last */

	/* result of the last scan */
	SaJsonValue value;
};

typedef struct SaJsonScanner SaJsonScanner;

typedef enum SaJsonStatus
{
	SA_JSON_OK,
	SA_JSON_NOT_OBJECT,			/* valid, but fields are wanted of it */
	SA_JSON_INVALID,
	SA_JSON_TOO_DEEP,
	SA_JSON_NO_MEMORY
} SaJsonStatus;

/* What stands for the length of a name in child_lengths. */
static inline uint64_t
sa_json_length_bit(size_t len)
{
	return (uint64_t) 1 << (len < 63 ? len : 63);
}

/* Order of names: by length first, since that settles most comparisons. */
static inline int
sa_json_name_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return memcmp(a, b, a_len);
}

/*
 * "longest_name" is the length of the longest name that will be looked for.
 * Returns NULL if there is no memory.
 */
extern SaJsonScanner *sa_json_scanner_create(size_t longest_name);
extern void sa_json_scanner_free(SaJsonScanner *scanner);

/*
 * Validates all of the document and fills the value of every field below
 * "root"; what the document doesn't have, and what stands below something that
 * is no object, is missing.  Of a name that is repeated the last one counts, as
 * in jsonb.  A root without children takes any document.  When the result is
 * not SA_JSON_OK, everything is missing.  SA_JSON_PADDING bytes behind the
 * text must be readable.
 */
extern SaJsonStatus sa_json_scan(SaJsonScanner *scanner, SaJsonField *root,
								 const char *text, size_t len);

/* Makes all values below "field" missing. */
extern void sa_json_forget(SaJsonField *field);

/* What simdjson says about the last document that was SA_JSON_INVALID. */
extern const char *sa_json_scanner_complaint(const SaJsonScanner *scanner);

#ifdef __cplusplus
}
#endif

#endif							/* SA_DECODE_JSON_SCAN_H */
