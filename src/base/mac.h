/*-------------------------------------------------------------------------
 *
 * mac.h
 *	  A keyed message authentication code of 64 bits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_BASE_MAC_H
#define SA_BASE_MAC_H

#define SA_MAC_KEY_LENGTH	16	/* bytes */

typedef struct SaMacKey
{
	uint64		k0;
	uint64		k1;
} SaMacKey;

/* A key from SA_MAC_KEY_LENGTH bytes. */
extern SaMacKey sa_mac_key(const uint8 *bytes);

extern uint64 sa_mac(const SaMacKey *key, const uint8 *message, size_t length);

#endif							/* SA_BASE_MAC_H */
