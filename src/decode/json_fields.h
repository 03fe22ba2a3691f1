/*-------------------------------------------------------------------------
 *
 * json_fields.h
 *	  The tree of JSON fields that the columns of a stream are filled from.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DECODE_JSON_FIELDS_H
#define SA_DECODE_JSON_FIELDS_H

#include "decode/column.h"
#include "decode/json_scan.h"

/*
 * Returns the root of the tree, and in fields[i] the field of columns[i] (NULL
 * for one with another source).  Columns with the same path share a field.
 * Everything is palloc'd in CurrentMemoryContext; names are not copied.
 */
extern SaJsonField *sa_json_fields_build(const SaColumn *columns, int ncolumns,
										 SaJsonField **fields);

/* Length of the longest name below "root", in bytes. */
extern size_t sa_json_fields_longest_name(const SaJsonField *root);

#endif							/* SA_DECODE_JSON_FIELDS_H */
