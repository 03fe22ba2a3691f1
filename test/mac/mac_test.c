/*-------------------------------------------------------------------------
 *
 * mac_test.c
 *	  An SQL function that computes authentication codes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/compat.h"
#include "base/mac.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(mac);

/* mac(key bytea, message bytea) → bytea, as the specification prints it */
Datum
mac(PG_FUNCTION_ARGS)
{
	bytea	   *key_bytes = PG_GETARG_BYTEA_PP(0);
	bytea	   *message = PG_GETARG_BYTEA_PP(1);
	bytea	   *result = palloc(VARHDRSZ + sizeof(uint64));
	SaMacKey	key;
	uint64		code;

	if (VARSIZE_ANY_EXHDR(key_bytes) != SA_MAC_KEY_LENGTH)
		elog(ERROR, "a key has %d bytes", SA_MAC_KEY_LENGTH);
	key = sa_mac_key((const uint8 *) VARDATA_ANY(key_bytes));
	code = sa_mac(&key, (const uint8 *) VARDATA_ANY(message), VARSIZE_ANY_EXHDR(message));
	SET_VARSIZE(result, VARHDRSZ + sizeof(uint64));
	for (int i = 0; i < sizeof(uint64); i++)
		((uint8 *) VARDATA(result))[i] = code >> (8 * i);
	PG_RETURN_BYTEA_P(result);
}
