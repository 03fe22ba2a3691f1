/*-------------------------------------------------------------------------
 *
 * late_function.h
 *	  Functions that continuous views call for their late rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_METADATA_LATE_FUNCTION_H
#define SA_METADATA_LATE_FUNCTION_H

/*
 * The function (view regclass, late_row jsonb, window_start timestamptz,
 * window_end timestamptz, watermark timestamptz) of that name.  Raises an error
 * if there is none, if it doesn't return void, or if the current user may not
 * execute it.
 */
extern Oid	sa_late_function_lookup(const char *name);

/* Its name with its schema, as the catalogs keep it. */
extern char *sa_late_function_name(Oid function);

/* Makes a view depend on a function, once however often it is called. */
extern void sa_late_function_depend(Oid view, Oid function);

/* Makes a view depend on no function any more. */
extern void sa_late_function_forget(Oid view);

/* Makes all views depend on their functions, after a restore. */
extern void sa_late_functions_adopt(void);

/* Takes over the names of functions that may just have been renamed. */
extern void sa_late_functions_follow(void);

#endif							/* SA_METADATA_LATE_FUNCTION_H */
