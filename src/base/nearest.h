/*-------------------------------------------------------------------------
 *
 * nearest.h
 *	  The name that a mistyped one may have meant.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_BASE_NEAREST_H
#define SA_BASE_NEAREST_H

typedef struct SaNearest
{
	const char *wanted;
	const char *best;
	int			best_distance;
} SaNearest;

/* Begin a search; then offer all valid names, then ask for the result. */
extern void sa_nearest_init(SaNearest *nearest, const char *wanted);
extern void sa_nearest_offer(SaNearest *nearest, const char *name);

/* The nearest of the names offered, NULL if none is near. */
extern const char *sa_nearest_found(const SaNearest *nearest);

#endif							/* SA_BASE_NEAREST_H */
