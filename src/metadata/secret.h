/*-------------------------------------------------------------------------
 *
 * secret.h
 *	  The database's secret.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_METADATA_SECRET_H
#define SA_METADATA_SECRET_H

#include "base/mac.h"

/* Makes the database's secret unless it has one. */
extern void sa_secret_create(void);

/*
 * Reads it.  Without one, an error: then there is nothing that could have been
 * written with it.
 */
extern SaMacKey sa_secret_key(void);

#endif							/* SA_METADATA_SECRET_H */
