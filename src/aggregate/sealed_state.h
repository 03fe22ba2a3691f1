/*-------------------------------------------------------------------------
 *
 * sealed_state.h
 *	  Serialized transition states that can't be made up.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_AGGREGATE_SEALED_STATE_H
#define SA_AGGREGATE_SEALED_STATE_H

#include "nodes/pg_list.h"

#include "base/mac.h"

/*
 * The key for states that a deserialization function reads, of an aggregate
 * whose arguments are of these types.
 */
extern SaMacKey sa_sealed_state_key(Oid deserialfn, const List *argtypes);

/* A bytea from a serialization function as it is stored, in CurrentMemoryContext. */
extern Datum sa_sealed_state_seal(const SaMacKey *key, Datum state);

/*
 * The other way round.  An error if the stored bytea was not made by seal with
 * this key; "aggfnoid" is for the message.
 */
extern Datum sa_sealed_state_open(const SaMacKey *key, Oid aggfnoid, Datum sealed);

#endif							/* SA_AGGREGATE_SEALED_STATE_H */
