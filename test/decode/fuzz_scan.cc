/*-------------------------------------------------------------------------
 *
 * fuzz_scan.cc
 *	  libFuzzer target for the JSON scanner: any bytes are a document.
 *
 * NOTES
 *	  The document is copied into memory that has just the blanks behind it that
 *	  the scanner asks for, so that the address sanitizer sees every read before
 *	  it or further behind; simdjson itself is a shared library and not
 *	  instrumented.  Every value found must lie in the document, without the
 *	  blanks, and be what its kind says.  The scanner is kept from run to run, as
 *	  in the decoder.
 *
 *	  Build with "make fuzz", run build/fuzz_scan -max_total_time=60.
 *
 *-------------------------------------------------------------------------
 */
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "decode/json_scan.h"
#include "decode/json_string.h"

static const int NFIELDS = 7;
static SaJsonField fields[NFIELDS];
static SaJsonField *root_children[3];
static SaJsonField *a_children[2];
static SaJsonField *ab_children[1];
static SaJsonScanner *scanner;

static void
set_field(int n, SaJsonField *parent, const char *name, int end)
{
	fields[n].parent = parent;
	fields[n].name = name;
	fields[n].name_len = strlen(name);
	fields[n].has_backslash = strchr(name, '\\') != NULL;
	fields[n].end = &fields[end];
}

static void
set_children(SaJsonField *parent, SaJsonField **children, int n)
{
	parent->children = children;
	parent->nchildren = n;
	parent->expected = children[0];
	parent->last = children[n - 1];
	for (int i = 0; i < n; i++)
	{
		children[i]->next = children[(i + 1) % n];
		parent->child_lengths |= sa_json_length_bit(children[i]->name_len);
	}
}

/* a, a.b, a.b.a, a.c, b, \a */
static void
prepare(void)
{
	set_field(0, NULL, "", 7);
	set_field(1, &fields[0], "a", 5);
	set_field(2, &fields[1], "b", 4);
	set_field(3, &fields[2], "a", 4);
	set_field(4, &fields[1], "c", 5);
	set_field(5, &fields[0], "b", 6);
	set_field(6, &fields[0], "\\a", 7);
	root_children[0] = &fields[1];
	root_children[1] = &fields[5];
	root_children[2] = &fields[6];
	a_children[0] = &fields[2];
	a_children[1] = &fields[4];
	ab_children[0] = &fields[3];
	set_children(&fields[0], root_children, 3);
	set_children(&fields[1], a_children, 2);
	set_children(&fields[2], ab_children, 1);
	scanner = sa_json_scanner_create(2);
}

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
check_text(const SaJsonValue *value, const char *expected)
{
	require(value->len == strlen(expected) &&
			memcmp(value->text, expected, value->len) == 0);
}

static void
check_string(const SaJsonValue *value)
{
	char	   *out = (char *) malloc(value->len + 1);
	bool		has_zero;
	size_t		len;

	require(value->text[-1] == '"' && value->text[value->len] == '"');
	require(value->escaped ==
			(memchr(value->text, '\\', value->len) != NULL));
	len = sa_json_unescape(value->text, value->len, out, &has_zero);
	require(len <= value->len);
	require(has_zero == (memchr(out, '\0', len) != NULL));
	require(has_zero == sa_json_has_zero_escape(value->text, value->len));
	free(out);
}

static void
check_value(const SaJsonValue *value, const char *text, size_t len)
{
	if (value->kind == SA_JSON_MISSING)
		return;
	require(value->text >= text && value->text + value->len <= text + len);
	switch (value->kind)
	{
		case SA_JSON_MISSING:
			break;
		case SA_JSON_NULL:
			check_text(value, "null");
			break;
		case SA_JSON_FALSE:
			check_text(value, "false");
			break;
		case SA_JSON_TRUE:
			check_text(value, "true");
			break;
		case SA_JSON_NUMBER:
			require(value->len > 0 && strspn(value->text, "-+.eE0123456789") >=
					value->len);
			break;
		case SA_JSON_STRING:
			check_string(value);
			break;
		case SA_JSON_OBJECT:
			require(value->text[0] == '{' && value->text[value->len - 1] == '}');
			break;
		case SA_JSON_ARRAY:
			require(value->text[0] == '[' && value->text[value->len - 1] == ']');
			break;
	}
}

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = (char *) malloc(size + SA_JSON_PADDING);
	SaJsonStatus status;

	if (scanner == NULL)
		prepare();
	if (size > 0)
		memcpy(text, data, size);
	memset(text + size, ' ', SA_JSON_PADDING);

	status = sa_json_scan(scanner, fields, text, size);
	for (int i = 1; i < NFIELDS; i++)
	{
		require(status == SA_JSON_OK ||
				fields[i].value.kind == SA_JSON_MISSING);
		check_value(&fields[i].value, text, size);
	}
	if (status == SA_JSON_INVALID)
		require(sa_json_scanner_complaint(scanner)[0] != '\0');
	free(text);
	return 0;
}
