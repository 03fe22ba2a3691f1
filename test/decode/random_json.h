/*-------------------------------------------------------------------------
 *
 * random_json.h
 *	  Random JSON documents.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_TEST_RANDOM_JSON_H
#define SA_TEST_RANDOM_JSON_H

#include "lib/stringinfo.h"

/*
 * Appends a document that depends on the seed only.  "damaged": some bytes of it
 * are changed or left out, so that it may or may not be valid.
 */
extern void random_json(StringInfo buf, uint64 seed, bool damaged);

#endif							/* SA_TEST_RANDOM_JSON_H */
