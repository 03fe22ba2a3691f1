/*-------------------------------------------------------------------------
 *
 * guc.h
 *	  Settings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_GUC_H
#define SA_GUC_H

/* Defines all settings; "preloaded" decides about those of the server. */
extern void sa_guc_define(bool preloaded);

#endif							/* SA_GUC_H */
