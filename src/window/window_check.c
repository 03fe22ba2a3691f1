/*-------------------------------------------------------------------------
 *
 * window_check.c
 *	  Errors of the window functions, raised.
 *
 * NOTES
 *	  In a file of its own: what window.h declares returns errors, since some
 *	  callers have more to say about them, and raises none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "window/window_check.h"

void
sa_window_raise(SaWindowError error)
{
	const char *hint = sa_window_error_hint(error);

	ereport(ERROR,
			(errcode(sa_window_error_code(error)),
			 errmsg("%s", sa_window_error_text(error)),
			 hint != NULL ? errhint("%s", hint) : 0));
}
