/*-------------------------------------------------------------------------
 *
 * json_string.c
 *	  Escapes in JSON strings.
 *
 * NOTES
 *	  Pure functions over text that simdjson has found valid: no escape is cut
 *	  short, and surrogates come in pairs.  Nothing is allocated or thrown, so
 *	  that the C++ side may call in.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "decode/json_string.h"

static pg_wchar read_hex4(const char *p);
static char *append_unicode_escape(const char **in, char *out, bool *has_zero);
static char unescape_letter(char letter);

size_t
sa_json_unescape(const char *text, size_t len, char *out, bool *has_zero)
{
	const char *end = text + len;
	char	   *start = out;

	*has_zero = false;
	while (text < end)
	{
		const char *backslash = memchr(text, '\\', end - text);
		size_t		plain = (backslash ? backslash : end) - text;

		memmove(out, text, plain);
		out += plain;
		text += plain;
		if (backslash == NULL)
			break;

		if (text[1] == 'u')
			out = append_unicode_escape(&text, out, has_zero);
		else
		{
			*out++ = unescape_letter(text[1]);
			text += 2;
		}
	}
	return out - start;
}

bool
sa_json_has_zero_escape(const char *text, size_t len)
{
	const char *end = text + len;

	/* outside strings there are no backslashes, so strings need no tracking */
	while ((text = memchr(text, '\\', end - text)) != NULL)
	{
		if (end - text >= 6 && memcmp(text + 1, "u0000", 5) == 0)
			return true;
		text += 2;
	}
	return false;
}

/* Moves *in past \uXXXX, or past the two of a surrogate pair. */
static char *
append_unicode_escape(const char **in, char *out, bool *has_zero)
{
	pg_wchar	c = read_hex4(*in + 2);

	*in += 6;
	if (is_utf16_surrogate_first(c))
	{
		c = surrogate_pair_to_codepoint(c, read_hex4(*in + 2));
		*in += 6;
	}
	if (c == 0)
		*has_zero = true;
	unicode_to_utf8(c, (unsigned char *) out);
	return out + pg_utf_mblen((unsigned char *) out);
}

static pg_wchar
read_hex4(const char *p)
{
	pg_wchar	c = 0;

	for (int i = 0; i < 4; i++)
	{
		char		digit = p[i];

		/* in ASCII a letter's low four bits are 1 for A and a */
		c = c << 4 | ((digit & 0x0F) + (digit > '9' ? 9 : 0));
	}
	return c;
}

static char
unescape_letter(char letter)
{
	switch (letter)
	{
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		default:				/* quote, backslash, slash */
			return letter;
	}
}
