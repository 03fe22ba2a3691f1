/*-------------------------------------------------------------------------
 *
 * kafka_limits.c
 *	  What of a topic a query can need at most.
 *
 * NOTES
 *	  Conditions are only used to read less; the executor checks them all the
 *	  same.  So it does no harm that not every form is recognized.
 *
 *	  A condition on the timestamp gives only a place to start from: behind it
 *	  timestamps need not rise.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "metadata/stream.h"
#include "stream/kafka_limits.h"

static List *
pack(const SaKafkaLimits *limits)
{
	const int64 *numbers = (const int64 *) limits;
	List	   *list = NIL;

	for (size_t i = 0; i < sizeof(SaKafkaLimits) / sizeof(int64); i++)
		list = lappend(list, makeConst(INT8OID, -1, InvalidOid, sizeof(int64),
									   Int64GetDatum(numbers[i]), false, FLOAT8PASSBYVAL));
	return list;
}

void
sa_kafka_limits_unpack(List *list, SaKafkaLimits *limits)
{
	int64	   *numbers = (int64 *) limits;
	ListCell   *lc;

	foreach(lc, list)
		*numbers++ = DatumGetInt64(lfirst_node(Const, lc)->constvalue);
}

/* column operator constant, in this order */
static bool
split_condition(Expr *clause, Var **var, Oid *operator, Const **constant)
{
	OpExpr	   *op = (OpExpr *) clause;
	Node	   *left;
	Node	   *right;

	if (!IsA(op, OpExpr) || list_length(op->args) != 2)
		return false;
	left = strip_implicit_coercions(linitial(op->args));
	right = eval_const_expressions(NULL, lsecond(op->args));
	*operator = op->opno;
	if (IsA(right, Var) || IsA(left, Const))
	{
		Node	   *swap = left;

		left = eval_const_expressions(NULL, (Node *) strip_implicit_coercions(right));
		right = eval_const_expressions(NULL, swap);
		*operator = get_commutator(op->opno);
	}
	if (!IsA(left, Var) || !IsA(right, Const) || ((Const *) right)->constisnull)
		return false;
	*var = (Var *) left;
	*constant = (Const *) right;
	return OidIsValid(*operator);
}

/* btree strategy of an operator for its left type, 0 if it has none */
static int
strategy_of(Oid operator, Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);

	return OidIsValid(entry->btree_opf) ?
		get_op_opfamily_strategy(operator, entry->btree_opf) : 0;
}

/* The constant as a number: an integer, or microseconds. */
static bool
constant_number(const Const *constant, int64 *number)
{
	switch (constant->consttype)
	{
		case INT2OID:
			*number = DatumGetInt16(constant->constvalue);
			return true;
		case INT4OID:
			*number = DatumGetInt32(constant->constvalue);
			return true;
		case INT8OID:
			*number = DatumGetInt64(constant->constvalue);
			return true;
		case TIMESTAMPTZOID:
			*number = DatumGetTimestampTz(constant->constvalue);
			return true;
		default:
			return false;
	}
}

static void
narrow(int64 *min, int64 *max, int strategy, int64 number)
{
	if (strategy == BTLessStrategyNumber && number > PG_INT64_MIN)
		*max = Min(*max, number - 1);
	if (strategy == BTLessEqualStrategyNumber || strategy == BTEqualStrategyNumber)
		*max = Min(*max, number);
	if (strategy == BTGreaterEqualStrategyNumber || strategy == BTEqualStrategyNumber)
		*min = Max(*min, number);
	if (strategy == BTGreaterStrategyNumber && number < PG_INT64_MAX)
		*min = Max(*min, number + 1);
}

static void
apply_condition(SaKafkaLimits *limits, const SaStream *stream, Expr *clause, Index relid)
{
	Var		   *var;
	Oid			operator;
	Const	   *constant;
	SaColumn   *column;
	int64		number;
	int64		ignored = PG_INT64_MAX;
	int			strategy;

	if (!split_condition(clause, &var, &operator, &constant) ||
		var->varno != relid || var->varlevelsup != 0)
		return;
	column = sa_stream_column(stream, var->varattno);
	strategy = strategy_of(operator, var->vartype);
	if (column == NULL || strategy == 0 || !constant_number(constant, &number))
		return;

	if (column->source == SA_SOURCE_PARTITION)
		narrow(&limits->min_partition, &limits->max_partition, strategy, number);
	else if (column->source == SA_SOURCE_OFFSET)
		narrow(&limits->min_offset, &limits->max_offset, strategy, number);
	else if (column->source == SA_SOURCE_TIMESTAMP && column->type == TIMESTAMPTZOID &&
			 constant->consttype == TIMESTAMPTZOID && !TIMESTAMP_NOT_FINITE(number))
		narrow(&limits->min_timestamp, &ignored, strategy, number);
}

List *
sa_kafka_limits_find(RelOptInfo *rel, Oid relid)
{
	SaKafkaLimits limits = {
		.min_partition = 0,
		.max_partition = PG_INT32_MAX,
		.min_offset = 0,
		.max_offset = PG_INT64_MAX,
		.min_timestamp = PG_INT64_MIN
	};
	Relation	table = table_open(relid, NoLock);
	SaStream   *stream = sa_stream_load(table);
	ListCell   *lc;

	foreach(lc, rel->baserestrictinfo)
		apply_condition(&limits, stream, lfirst_node(RestrictInfo, lc)->clause, rel->relid);
	table_close(table, NoLock);
	return pack(&limits);
}
