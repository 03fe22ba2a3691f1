/*-------------------------------------------------------------------------
 *
 * window_check.h
 *	  Errors of the window functions, raised.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_WINDOW_WINDOW_CHECK_H
#define SA_WINDOW_WINDOW_CHECK_H

#include "window/window.h"

extern void sa_window_raise(SaWindowError error) __attribute__((noreturn));

/* Raises an error unless all is well. */
static inline void
sa_window_check(SaWindowError error)
{
	if (unlikely(error != SA_WINDOW_OK))
		sa_window_raise(error);
}

#endif							/* SA_WINDOW_WINDOW_CHECK_H */
