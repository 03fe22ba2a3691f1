/*-------------------------------------------------------------------------
 *
 * json_scan.cc
 *	  Validates a JSON document and finds the wanted fields in it.
 *
 * NOTES
 *	  simdjson's DOM parser validates the whole document, UTF-8 included; it
 *	  picks the code for this CPU at run time.  Its result is a tree of converted
 *	  values, which we don't look at, since it has lost how a number was written
 *	  (1.10 must stay 1.10 in a numeric) and where an object's text is.  What we
 *	  use is its structural index: the offsets of all braces, brackets, colons,
 *	  commas, and of the first character of every string, number and literal, in
 *	  the order of the text.  Over a document that is known to be valid this
 *	  needs no parsing: in an object, a name's token is followed by that of the
 *	  colon and that of the value.
 *
 *	  simdjson refuses integers beyond 64 bits and floats beyond double, which
 *	  are valid JSON.  When it complains about a number, all numbers that are
 *	  well-formed are overwritten in a copy with a zero and blanks, and the
 *	  document is parsed again: every offset stays what it was, and values are
 *	  taken from the caller's text and not from the copy.
 *
 *	  There is no recursion over the depth of the document.
 *
 *-------------------------------------------------------------------------
 */
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include <simdjson.h>

#include "decode/json_scan.h"
#include "decode/json_string.h"

using simdjson::error_code;

static_assert(simdjson::SIMDJSON_PADDING <= SA_JSON_PADDING,
			  "the parser reads further behind a document than callers expect");

/* Room for messages up to this size is kept for ever, in bytes. */
static const size_t KEPT_CAPACITY = 1024 * 1024;
static const size_t LEAST_CAPACITY = 16 * 1024;

/* One character of a name is at most this long as an escape: \u0041. */
static const size_t LONGEST_ESCAPE = 6;

struct SaJsonScanner
{
	simdjson::dom::parser parser;
	simdjson::dom::document document;
	error_code	error;			/* of the last parse */

	size_t		capacity;		/* longest document that fits, in bytes */

	char	   *name;			/* room for a name without its escapes */
	size_t		name_capacity;
};

static bool reserve(SaJsonScanner *scanner, size_t len);
static void release(SaJsonScanner *scanner);
static error_code parse(SaJsonScanner *scanner, const char *text, size_t len);
static error_code parse_without_numbers(SaJsonScanner *scanner,
										const char *text, size_t len);
static void hide_numbers(SaJsonScanner *scanner, char *copy, size_t len);
static size_t number_length(const char *text, const char *end);
static const char *skip_digits(const char *p, const char *end);
static void collect(SaJsonScanner *scanner, SaJsonField *root,
					const char *text, const uint32_t *token);
static SaJsonField *find_child(SaJsonScanner *scanner, SaJsonField *object,
							   const char *text, const uint32_t *token);
static SaJsonField *find_name(SaJsonField *object, const char *name,
							  size_t len);
static SaJsonField *search_name(SaJsonField *object, const char *name,
								size_t len);
static SaJsonField *find_escaped_name(SaJsonScanner *scanner,
									  SaJsonField *object,
									  const char *name, size_t len);
static const uint32_t *take_value(const char *text, const uint32_t *token,
								  SaJsonValue *value);
static const uint32_t *skip_value(const char *text, const uint32_t *token);
static SaJsonKind kind_of(char first);

SaJsonScanner *
sa_json_scanner_create(size_t longest_name)
{
	SaJsonScanner *scanner = new (std::nothrow) SaJsonScanner();

	if (scanner == NULL)
		return NULL;
	scanner->name_capacity = longest_name * LONGEST_ESCAPE;
	scanner->name = (char *) malloc(scanner->name_capacity + 1);
	if (scanner->name == NULL || !reserve(scanner, LEAST_CAPACITY))
	{
		sa_json_scanner_free(scanner);
		return NULL;
	}
	return scanner;
}

void
sa_json_scanner_free(SaJsonScanner *scanner)
{
	free(scanner->name);
	delete scanner;
}

const char *
sa_json_scanner_complaint(const SaJsonScanner *scanner)
{
	return simdjson::error_message(scanner->error);
}

void
sa_json_forget(SaJsonField *field)
{
	for (SaJsonField *below = field + 1; below < field->end; below++)
		below->value.kind = SA_JSON_MISSING;
}

SaJsonStatus
sa_json_scan(SaJsonScanner *scanner, SaJsonField *root,
			 const char *text, size_t len)
{
	sa_json_forget(root);
	if (!reserve(scanner, len))
		return SA_JSON_NO_MEMORY;

	scanner->error = parse(scanner, text, len);
	if (scanner->error == simdjson::NUMBER_ERROR)
		scanner->error = parse_without_numbers(scanner, text, len);

	if (scanner->error == simdjson::DEPTH_ERROR)
		return SA_JSON_TOO_DEEP;
	if (scanner->error == simdjson::MEMALLOC)
		return SA_JSON_NO_MEMORY;
	if (scanner->error != simdjson::SUCCESS)
		return SA_JSON_INVALID;

	if (root->nchildren > 0)
	{
		const uint32_t *token =
			scanner->parser.implementation->structural_indexes.get();

		if (text[*token] != '{')
			return SA_JSON_NOT_OBJECT;
		collect(scanner, root, text, token);
	}
	return SA_JSON_OK;
}

/*
 * Makes room for a document.  The parser needs up to 14 times the document's
 * size, so what a giant message needed is given back with the next small one.
 */
static bool
reserve(SaJsonScanner *scanner, size_t len)
{
	size_t		wanted = LEAST_CAPACITY;

	while (wanted < len)
		wanted *= 2;
	if (wanted <= scanner->capacity &&
		(scanner->capacity <= KEPT_CAPACITY || wanted * 4 > scanner->capacity))
		return true;

	release(scanner);
	if (scanner->parser.allocate(wanted, SA_JSON_MAX_DEPTH) != simdjson::SUCCESS ||
		scanner->document.allocate(wanted) != simdjson::SUCCESS)
	{
		release(scanner);
		return false;
	}
	scanner->capacity = wanted;
	return true;
}

static void
release(SaJsonScanner *scanner)
{
	scanner->capacity = 0;
	scanner->parser = simdjson::dom::parser();
	scanner->document = simdjson::dom::document();
}

static error_code
parse(SaJsonScanner *scanner, const char *text, size_t len)
{
	return scanner->parser.parse_into_document(scanner->document, text, len,
											   false).error();
}

static error_code
parse_without_numbers(SaJsonScanner *scanner, const char *text, size_t len)
{
	char	   *copy = (char *) malloc(len + simdjson::SIMDJSON_PADDING);
	error_code	error;

	if (copy == NULL)
		return simdjson::MEMALLOC;
	memcpy(copy, text, len);
	memset(copy + len, ' ', simdjson::SIMDJSON_PADDING);
	hide_numbers(scanner, copy, len);
	error = parse(scanner, copy, len);
	free(copy);
	return error;
}

/*
 * Overwrites the well-formed numbers of the copy.  What is left of a malformed
 * one keeps the document invalid: next to a zero or a blank it can't be the
 * comma or bracket that must follow a value.
 */
static void
hide_numbers(SaJsonScanner *scanner, char *copy, size_t len)
{
	const uint32_t *token =
		scanner->parser.implementation->structural_indexes.get();
	const uint32_t *end =
		token + scanner->parser.implementation->n_structural_indexes;

	for (; token < end; token++)
	{
		char	   *number = copy + *token;
		size_t		number_len = number_length(number, copy + len);

		if (number_len > 0)
		{
			memset(number, ' ', number_len);
			number[0] = '0';
		}
	}
}

/* Length of the JSON number that begins at "text"; 0: none does. */
static size_t
number_length(const char *text, const char *end)
{
	const char *p = text;
	const char *digits;
	const char *after;

	if (p < end && *p == '-')
		p++;
	digits = p;
	if (p < end && *p == '0')
		p++;
	else
		p = skip_digits(p, end);
	if (p == digits)
		return 0;

	if (p < end && *p == '.')
	{
		after = skip_digits(p + 1, end);
		if (after > p + 1)
			p = after;
	}
	if (p < end && (*p == 'e' || *p == 'E'))
	{
		digits = p + 1;
		if (digits < end && (*digits == '+' || *digits == '-'))
			digits++;
		after = skip_digits(digits, end);
		if (after > digits)
			p = after;
	}
	return p - text;
}

static const char *
skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/*
 * Walks the document from the opening brace at "token".  Objects on the way to
 * a wanted field are entered, everything else is passed over, so that the
 * tokens met here are names, commas and closing braces.
 */
static void
collect(SaJsonScanner *scanner, SaJsonField *root,
		const char *text, const uint32_t *token)
{
	SaJsonField *object = root;

	token++;
	for (;;)
	{
		char		c = text[*token];

		if (c == '"')
		{
			SaJsonField *field = find_child(scanner, object, text, token);

			token += 2;			/* the name and the colon */
			if (field == NULL)
			{
				token = skip_value(text, token);
				continue;
			}
			if (field->value.kind != SA_JSON_MISSING)
				sa_json_forget(field);
			if (field->nchildren > 0 && text[*token] == '{')
			{
				field->value.kind = SA_JSON_OBJECT;
				field->value.escaped = false;
				field->value.text = text + *token++;
				object = field;
			}
			else
				token = take_value(text, token, &field->value);
		}
		else if (c == ',')
			token++;
		else
		{
			if (object == root)
				return;
			object->value.len = text + *token++ + 1 - object->value.text;
			object = object->parent;
		}
	}
}

/* Which child of "object" is named by the string at "token"?  NULL: none. */
static SaJsonField *
find_child(SaJsonScanner *scanner, SaJsonField *object,
		   const char *text, const uint32_t *token)
{
	const char *name = text + token[0] + 1;
	const char *end = text + token[1] - 1;
	SaJsonField *field;

	while (*end != '"')			/* blanks before the colon */
		end--;
	field = find_name(object, name, end - name);
	if (field != NULL && !field->has_backslash)
		return field;
	if (memchr(name, '\\', end - name) == NULL)
		return NULL;
	return find_escaped_name(scanner, object, name, end - name);
}

static SaJsonField *
find_escaped_name(SaJsonScanner *scanner, SaJsonField *object,
				  const char *name, size_t len)
{
	bool		has_zero;

	if (len > scanner->name_capacity)
		return NULL;
	len = sa_json_unescape(name, len, scanner->name, &has_zero);
	return find_name(object, scanner->name, len);
}

/* Producers write fields in the same order every time; try that first. */
static inline SaJsonField *
find_name(SaJsonField *object, const char *name, size_t len)
{
	SaJsonField *field = object->expected;

	if (field->name_len != len || memcmp(field->name, name, len) != 0)
	{
		if ((object->child_lengths & sa_json_length_bit(len)) == 0)
			return NULL;
		field = search_name(object, name, len);
		if (field == NULL)
			return NULL;
		object->last->next = field;
	}
	object->last = field;
	object->expected = field->next;
	return field;
}

static SaJsonField *
search_name(SaJsonField *object, const char *name, size_t len)
{
	int			low = 0;
	int			high = object->nchildren - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;
		SaJsonField *field = object->children[middle];
		int			order = sa_json_name_compare(name, len,
												 field->name, field->name_len);

		if (order == 0)
			return field;
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Fills *value with what stands at "token"; returns the token behind it. */
static const uint32_t *
take_value(const char *text, const uint32_t *token, SaJsonValue *value)
{
	const uint32_t *next = skip_value(text, token);
	const char *start = text + *token;
	const char *end = text + *next;

	while (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' ||
		   end[-1] == '\t')
		end--;

	value->kind = kind_of(*start);
	value->escaped = false;
	if (value->kind == SA_JSON_STRING)
	{
		start++;
		end--;
		value->escaped = memchr(start, '\\', end - start) != NULL;
	}
	value->text = start;
	value->len = end - start;
	return next;
}

/*
 * The token behind the value at "token".  There always is one, since the value
 * stands in an object.
 */
static inline const uint32_t *
skip_value(const char *text, const uint32_t *token)
{
	size_t		depth = 0;

	do
	{
		/* this bit is all that differs between brackets and braces */
		char		c = text[*token++] | 0x20;

		if (c == '{')
			depth++;
		else if (c == '}')
			depth--;
	} while (depth > 0);
	return token;
}

static SaJsonKind
kind_of(char first)
{
	switch (first)
	{
		case '"':
			return SA_JSON_STRING;
		case '{':
			return SA_JSON_OBJECT;
		case '[':
			return SA_JSON_ARRAY;
		case 't':
			return SA_JSON_TRUE;
		case 'f':
			return SA_JSON_FALSE;
		case 'n':
			return SA_JSON_NULL;
		default:
			return SA_JSON_NUMBER;
	}
}
