/*-------------------------------------------------------------------------
 *
 * json_error.h
 *	  Says in PostgreSQL's words what is wrong with a JSON document.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DECODE_JSON_ERROR_H
#define SA_DECODE_JSON_ERROR_H

#include "decode/decoder.h"

/*
 * For a document that the scanner found invalid; "complaint" is what the
 * scanner says, for the case that PostgreSQL sees nothing wrong.  Does not throw
 * for any document.
 */
extern void sa_json_explain(const char *text, size_t len,
							const char *complaint, SaDecodeError *error);

#endif							/* SA_DECODE_JSON_ERROR_H */
