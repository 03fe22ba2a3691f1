/*-------------------------------------------------------------------------
 *
 * alter_stream.h
 *	  What follows from the options of a stream.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DDL_ALTER_STREAM_H
#define SA_DDL_ALTER_STREAM_H

#include "nodes/nodes.h"

/* After a statement that may have created a stream or changed its options. */
extern void sa_alter_stream_after(Node *statement);

#endif							/* SA_DDL_ALTER_STREAM_H */
