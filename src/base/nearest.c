/*-------------------------------------------------------------------------
 *
 * nearest.c
 *	  The name that a mistyped one may have meant.
 *
 * NOTES
 *	  PostgreSQL 16 has ClosestMatchState for this; 15 has only the distance.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/varlena.h"

#include "base/nearest.h"

#define MAX_DISTANCE	4		/* further away is another word */
#define MAX_NAME_LEN	255		/* limit of varstr_levenshtein_less_equal */

void
sa_nearest_init(SaNearest *nearest, const char *wanted)
{
	nearest->wanted = wanted;
	nearest->best = NULL;
	nearest->best_distance = MAX_DISTANCE + 1;
}

void
sa_nearest_offer(SaNearest *nearest, const char *name)
{
	int			len = strlen(nearest->wanted);
	int			distance;

	if (len == 0 || len > MAX_NAME_LEN)
		return;
	distance = varstr_levenshtein_less_equal(nearest->wanted, len,
											 name, strlen(name), 1, 1, 1,
											 MAX_DISTANCE, true);
	/* half of the letters must be right */
	if (distance < nearest->best_distance && distance <= len / 2)
	{
		nearest->best = name;
		nearest->best_distance = distance;
	}
}

const char *
sa_nearest_found(const SaNearest *nearest)
{
	return nearest->best;
}
