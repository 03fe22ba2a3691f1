/*-------------------------------------------------------------------------
 *
 * message_store.c
 *	  Memory for the messages of one batch.
 *
 * NOTES
 *	  Messages are copied out of librdkafka's memory as soon as they are taken,
 *	  and given back to it while they are still in the processor's cache.  To
 *	  hold on to them until the commit would cost more than the copy: several
 *	  hundred bytes for each, met again one by one when they are freed.
 *
 *	  Blocks are kept from batch to batch, because memory that is new to the
 *	  process costs a page fault for every few rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/message.h"
#include "kafka/message_store.h"

#define BLOCK_SIZE	((size_t) 1024 * 1024)

typedef struct Block
{
	char	   *data;
	size_t		size;
} Block;

struct SaMessageStore
{
	MemoryContext context;
	Block	   *blocks;
	int			nblocks;
	int			max_blocks;
	int			lately;			/* so many blocks were in use at the last reset */

	int			current;		/* block that is being filled; nblocks: none */
	size_t		used;			/* of that block */
	size_t		bytes;			/* of all */
};

static void add_block(SaMessageStore *store, size_t size);

SaMessageStore *
sa_message_store_create(MemoryContext context)
{
	SaMessageStore *store = MemoryContextAllocZero(context, sizeof(SaMessageStore));

	store->context = context;
	store->max_blocks = 64;
	store->blocks = MemoryContextAlloc(context, sizeof(Block) * store->max_blocks);
	return store;
}

void *
sa_message_store_alloc(SaMessageStore *store, size_t len)
{
	size_t		size = MAXALIGN(len);
	char	   *result;

	while (store->current < store->nblocks &&
		   store->used + size + SA_MESSAGE_PADDING > store->blocks[store->current].size)
	{
		store->current++;
		store->used = 0;
	}
	if (store->current == store->nblocks)
		add_block(store, Max(size + SA_MESSAGE_PADDING, BLOCK_SIZE));
	result = store->blocks[store->current].data + store->used;
	store->used += size;
	store->bytes += size;
	return result;
}

static void
add_block(SaMessageStore *store, size_t size)
{
	if (store->nblocks == store->max_blocks)
	{
		store->blocks = repalloc(store->blocks, sizeof(Block) * store->max_blocks * 2);
		store->max_blocks *= 2;
	}
	/* zeroed once, so that what is read behind a message has been written */
	store->blocks[store->nblocks].data =
		MemoryContextAllocExtended(store->context, size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	store->blocks[store->nblocks++].size = size;
}

void *
sa_message_store_copy(SaMessageStore *store, const void *data, size_t len)
{
	if (data == NULL)
		return NULL;
	return memcpy(sa_message_store_alloc(store, len), data, len);
}

/*
 * Given back are blocks made for one giant message, and those that were not in
 * use this time nor the last time.
 */
void
sa_message_store_reset(SaMessageStore *store)
{
	int			used = Min(store->current + 1, store->nblocks);
	int			wanted = Max(used, store->lately);
	int			kept = 0;

	store->lately = used;
	for (int i = 0; i < store->nblocks; i++)
	{
		if (store->blocks[i].size > BLOCK_SIZE || i >= wanted)
			pfree(store->blocks[i].data);
		else
			store->blocks[kept++] = store->blocks[i];
	}
	store->nblocks = kept;
	store->current = 0;
	store->used = 0;
	store->bytes = 0;
}

size_t
sa_message_store_bytes(const SaMessageStore *store)
{
	return store->bytes;
}
