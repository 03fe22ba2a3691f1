/*-------------------------------------------------------------------------
 *
 * json_error.c
 *	  Says in PostgreSQL's words what is wrong with a JSON document.
 *
 * NOTES
 *	  simdjson is fast because it doesn't keep track of where it is, so it can
 *	  say little about an error.  PostgreSQL's parser reads the refused document
 *	  again and names the token.  That parser is recursive and throws when the
 *	  stack gets short; a document nested deeply enough for that is left to the
 *	  words of simdjson.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "decode/json_error.h"

/* Safe with the least max_stack_depth that PostgreSQL allows. */
#define MAX_EXPLAINED_DEPTH 100

/* A detail quotes the message; it must not become as long as one. */
#define MAX_DETAIL_BYTES 300

static bool explain_encoding(const char *text, size_t len,
							 SaDecodeError *error);
static bool explain_syntax(const char *text, size_t len, SaDecodeError *error);
static char *shorten(const char *detail);
static int	nesting(const char *text, size_t len);

void
sa_json_explain(const char *text, size_t len, const char *complaint,
				SaDecodeError *error)
{
	if (explain_encoding(text, len, error))
		return;
	if (nesting(text, len) <= MAX_EXPLAINED_DEPTH &&
		explain_syntax(text, len, error))
		return;

	error->sqlstate = ERRCODE_INVALID_TEXT_REPRESENTATION;
	error->message = pstrdup("invalid input syntax for type json");
	error->detail = pstrdup(complaint);
}

/* The words of report_invalid_encoding(), which throws. */
static bool
explain_encoding(const char *text, size_t len, SaDecodeError *error)
{
	int			valid = pg_encoding_verifymbstr(PG_UTF8, text, len);
	const unsigned char *bad = (const unsigned char *) text + valid;
	StringInfoData buf;
	int			nbytes;

	if (valid == len)
		return false;

	nbytes = Min(pg_utf_mblen(bad), (int) (len - valid));
	initStringInfo(&buf);
	appendStringInfoString(&buf, "invalid byte sequence for encoding \"UTF8\":");
	for (int i = 0; i < nbytes; i++)
		appendStringInfo(&buf, " 0x%02x", bad[i]);

	error->sqlstate = ERRCODE_CHARACTER_NOT_IN_REPERTOIRE;
	error->message = buf.data;
	error->detail = NULL;
	return true;
}

static bool
explain_syntax(const char *text, size_t len, SaDecodeError *error)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext,
											   "stream_agg JSON error",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	JsonLexContext *lex = makeJsonLexContextCstringLen(NULL,
													   unconstify(char *, text),
													   len, PG_UTF8, true);
	JsonParseErrorType result = pg_parse_json(lex, &nullSemAction);

	if (result != JSON_SUCCESS)
	{
		char	   *detail = json_errdetail(result, lex);
		bool		is_zero = result == JSON_UNICODE_CODE_POINT_ZERO;

		MemoryContextSwitchTo(caller);
		error->sqlstate = is_zero ? ERRCODE_UNTRANSLATABLE_CHARACTER
			: ERRCODE_INVALID_TEXT_REPRESENTATION;
		error->message = pstrdup(is_zero ? "unsupported Unicode escape sequence"
								 : "invalid input syntax for type json");
		error->detail = shorten(detail);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return result != JSON_SUCCESS;
}

static char *
shorten(const char *detail)
{
	size_t		len = strlen(detail);

	if (len <= MAX_DETAIL_BYTES)
		return pstrdup(detail);
	return psprintf("%.*s ...",
					pg_encoding_mbcliplen(PG_UTF8, detail, len,
										  MAX_DETAIL_BYTES),
					detail);
}

/* Greatest number of brackets open at once, seen as a parser would see it. */
static int
nesting(const char *text, size_t len)
{
	int			depth = 0;
	int			deepest = 0;
	bool		in_string = false;

	for (size_t i = 0; i < len; i++)
	{
		char		c = text[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
			deepest = Max(deepest, ++depth);
		else if (!in_string && (c == '}' || c == ']'))
			depth--;
	}
	return deepest;
}
