/*-------------------------------------------------------------------------
 *
 * message_store.h
 *	  Memory for the messages of one batch.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_KAFKA_MESSAGE_STORE_H
#define SA_KAFKA_MESSAGE_STORE_H

#include "utils/palloc.h"

typedef struct SaMessageStore SaMessageStore;

/* Lives in a context, and goes with it. */
extern SaMessageStore *sa_message_store_create(MemoryContext context);

/* Aligned memory, with SA_MESSAGE_PADDING bytes behind it that can be read. */
extern void *sa_message_store_alloc(SaMessageStore *store, size_t len);

/* A copy in such memory; NULL stays NULL. */
extern void *sa_message_store_copy(SaMessageStore *store, const void *data,
								   size_t len);

/* Everything is forgotten, and most of the memory kept for what comes next. */
extern void sa_message_store_reset(SaMessageStore *store);

/* bytes in use */
extern size_t sa_message_store_bytes(const SaMessageStore *store);

#endif							/* SA_KAFKA_MESSAGE_STORE_H */
