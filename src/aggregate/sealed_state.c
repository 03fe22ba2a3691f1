/*-------------------------------------------------------------------------
 *
 * sealed_state.c
 *	  Serialized transition states that can't be made up.
 *
 * NOTES
 *	  Deserialization functions are made for what another process of the same
 *	  query has just serialized, and believe what they read: with bytes of
 *	  somebody's own making PostgreSQL's write where they should not.  States in
 *	  a table can be changed by the table's owner, and combine_states() takes
 *	  them from everybody.  So a state is stored with an authentication code in
 *	  front, and is not read without the right one.
 *
 *	  The key depends on the database's secret and on what the deserialization
 *	  function is (its C symbol and library), so that no state gets to a function
 *	  that another one's counterpart has written.  Functions for any type go by
 *	  the types of the arguments, so these have a part in it as well: those that
 *	  PostgreSQL comes with by their OIDs, others by what their values look like.
 *	  So has the major version, which the format may change with.
 *	  All else about names and OIDs has none: states must survive renames, and a
 *	  dump.
 *
 *	  What one user's rows have made can be put into another row, or passed to
 *	  combine_states(): it is a state that rows could have made, and a function
 *	  that reads it does what it does in every query.
 *
 *	  Sealed form: 8 bytes of code, most significant first; the state.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "lib/stringinfo.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "aggregate/sealed_state.h"
#include "base/compat.h"
#include "metadata/secret.h"

/* Appends a text column of a function, with an end that no text contains. */
static void
append_attribute(StringInfo name, HeapTuple function, AttrNumber attnum)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(PROCOID, function, attnum, &isnull);

	if (!isnull)
		appendStringInfoString(name, TextDatumGetCString(value));
	appendStringInfoChar(name, '\0');
}

static void
append_type(StringInfo name, Oid type)
{
	Oid			base = getBaseType(type);
	int16		typlen;
	bool		typbyval;

	if (base < FirstUnpinnedObjectId)
		appendStringInfo(name, "%u", base);
	else
	{
		get_typlenbyval(base, &typlen, &typbyval);
		appendStringInfo(name, "%c%d%c", get_typtype(base), typlen, typbyval ? 'v' : 'r');
	}
	appendStringInfoChar(name, '\0');
}

SaMacKey
sa_sealed_state_key(Oid deserialfn, const List *argtypes)
{
	SaMacKey	secret = sa_secret_key();
	SaMacKey	key;
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(deserialfn));
	StringInfoData name;
	ListCell   *lc;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", deserialfn);
	initStringInfo(&name);
	appendStringInfoChar(&name, 0);
	appendStringInfo(&name, "%d", SA_STATE_VERSION);
	appendStringInfoChar(&name, '\0');
	append_attribute(&name, tuple, Anum_pg_proc_prosrc);
	append_attribute(&name, tuple, Anum_pg_proc_probin);
	ReleaseSysCache(tuple);
	foreach(lc, argtypes)
		append_type(&name, lfirst_oid(lc));

	/* the first byte tells the two halves apart */
	key.k0 = sa_mac(&secret, (const uint8 *) name.data, name.len);
	name.data[0] = 1;
	key.k1 = sa_mac(&secret, (const uint8 *) name.data, name.len);
	pfree(name.data);
	return key;
}

Datum
sa_sealed_state_seal(const SaMacKey *key, Datum state)
{
	bytea	   *bytes = DatumGetByteaPP(state);
	size_t		length = VARSIZE_ANY_EXHDR(bytes);
	bytea	   *sealed = palloc(VARHDRSZ + sizeof(uint64) + length);
	uint64		code = pg_hton64(sa_mac(key, (const uint8 *) VARDATA_ANY(bytes), length));

	SET_VARSIZE(sealed, VARHDRSZ + sizeof(uint64) + length);
	memcpy(VARDATA(sealed), &code, sizeof(uint64));
	memcpy(VARDATA(sealed) + sizeof(uint64), VARDATA_ANY(bytes), length);
	return PointerGetDatum(sealed);
}

static void
report_damage(Oid aggfnoid)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("stored state of aggregate %s is damaged", format_procedure(aggfnoid)),
			 errdetail("It is not what a continuous view of this database has written for this aggregate, under this major version of PostgreSQL."),
			 errhint("Restore the table with the state from a backup, or create the continuous view anew.")));
}

Datum
sa_sealed_state_open(const SaMacKey *key, Oid aggfnoid, Datum sealed)
{
	bytea	   *bytes = DatumGetByteaPP(sealed);
	const char *data = VARDATA_ANY(bytes);
	size_t		length = VARSIZE_ANY_EXHDR(bytes);
	uint64		code;
	bytea	   *state;

	if (length < sizeof(uint64))
		report_damage(aggfnoid);
	memcpy(&code, data, sizeof(uint64));
	data += sizeof(uint64);
	length -= sizeof(uint64);
	if (pg_ntoh64(code) != sa_mac(key, (const uint8 *) data, length))
		report_damage(aggfnoid);

	state = palloc(VARHDRSZ + length);
	SET_VARSIZE(state, VARHDRSZ + length);
	memcpy(VARDATA(state), data, length);
	/* it may have been made here, from compressed or toasted form */
	if ((Pointer) bytes != DatumGetPointer(sealed))
		pfree(bytes);
	return PointerGetDatum(state);
}
