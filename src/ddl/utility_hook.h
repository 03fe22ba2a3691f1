/*-------------------------------------------------------------------------
 *
 * utility_hook.h
 *	  Utility statements that concern us.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_DDL_UTILITY_HOOK_H
#define SA_DDL_UTILITY_HOOK_H

extern void sa_utility_hook_install(void);

#endif							/* SA_DDL_UTILITY_HOOK_H */
