/*-------------------------------------------------------------------------
 *
 * secret.c
 *	  The database's secret.
 *
 * NOTES
 *	  With it we recognize what we have written ourselves where users may write,
 *	  too (aggregate/sealed_state.c).  It is random, is made with the first view
 *	  that has use for it, and never changes.  A dump carries it, as it carries
 *	  what was written with it; a row made by CREATE EXTENSION would be there
 *	  already when the dump's row is restored.
 *
 *	  A process reads it once.  What is kept is given up when a message says that
 *	  the table has changed: it has been dropped with the extension, or the
 *	  transaction that made the secret, perhaps our own, has failed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "metadata/catalog.h"
#include "metadata/secret.h"
#include "stream_agg.h"

typedef struct KnownSecret
{
	Oid			table;			/* InvalidOid: not known */
	SaMacKey	key;
} KnownSecret;

static KnownSecret known;

static void
forget_secret(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == known.table)
		known.table = InvalidOid;
}

/* Reads the row, if there is one, as of the snapshot that is in use. */
static bool
read_secret(KnownSecret *secret)
{
	static SaStatement select = {"SELECT tableoid, key FROM stream_agg.secret", 0};
	SaCatalogScope scope;
	bool		found;
	bool		isnull;

	sa_catalog_begin(&scope);
	found = sa_catalog_query(&select, NULL, NULL) == 1;
	if (found)
	{
		bytea	   *key;

		secret->table = DatumGetObjectId(sa_catalog_value(0, 1, &isnull));
		key = DatumGetByteaPP(sa_catalog_value(0, 2, &isnull));
		Assert(VARSIZE_ANY_EXHDR(key) == SA_MAC_KEY_LENGTH);
		secret->key = sa_mac_key((const uint8 *) VARDATA_ANY(key));
	}
	sa_catalog_end(&scope);
	return found;
}

void
sa_secret_create(void)
{
	/* of two that come at a time, one waits for the other and finds its row */
	static SaStatement insert = {
		"INSERT INTO stream_agg.secret (key) VALUES ($1) ON CONFLICT DO NOTHING", 1, {BYTEAOID}
	};
	KnownSecret secret;
	bytea	   *key;
	Datum		value;
	SaCatalogScope scope;

	if (read_secret(&secret))
		return;
	key = palloc(VARHDRSZ + SA_MAC_KEY_LENGTH);
	SET_VARSIZE(key, VARHDRSZ + SA_MAC_KEY_LENGTH);
	if (!pg_strong_random(VARDATA(key), SA_MAC_KEY_LENGTH))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random secret")));
	value = PointerGetDatum(key);
	sa_catalog_begin(&scope);
	if (sa_catalog_execute(&insert, &value, NULL) > 0)
	{
		/* takes effect here, too, if the transaction fails */
		CacheInvalidateRelcacheByRelid(get_relname_relid("secret",
														 get_namespace_oid(SA_SCHEMA, false)));
	}
	sa_catalog_end(&scope);
}

SaMacKey
sa_secret_key(void)
{
	static bool registered = false;
	KnownSecret secret;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(forget_secret, (Datum) 0);
		registered = true;
	}
	if (OidIsValid(known.table))
		return known.key;
	if (!read_secret(&secret))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("this database has no secret to check aggregate states with"),
				 errdetail("Table \"stream_agg.secret\" is empty."),
				 errhint("Restore the table together with the continuous views, or create these again.")));
	known = secret;
	return known.key;
}
