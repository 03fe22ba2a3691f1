/*-------------------------------------------------------------------------
 *
 * json_string.h
 *	  Escapes in JSON strings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DECODE_JSON_STRING_H
#define SA_DECODE_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C"
{
#endif

/*
 * Undo the escapes of a string that a parser has accepted.  Writes at most
 * "len" bytes and returns their number.  *has_zero tells whether U+0000 is
 * among them, which no text of PostgreSQL can hold.
 */
extern size_t sa_json_unescape(const char *text, size_t len, char *out,
							   bool *has_zero);

/* Does a valid piece of JSON have the escape of U+0000 in it? */
extern bool sa_json_has_zero_escape(const char *text, size_t len);

#ifdef __cplusplus
}
#endif

#endif							/* SA_DECODE_JSON_STRING_H */
