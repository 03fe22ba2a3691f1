/*-------------------------------------------------------------------------
 *
 * test_manifest.h
 *	  The record of what a topic really holds, from delivery reports.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_MANIFEST_H
#define TEST_MANIFEST_H

#include <stdio.h>

#include "test_event.h"

/* Opens the file for writing, or dies. */
extern FILE *test_manifest_open(const char *path);

/* Adds a delivered event. */
extern void test_manifest_event(FILE *file, const EventSpec *spec,
								const Event *event, int64_t offset);

/* Adds a delivered line of the raw mode, of which only the number is kept. */
extern void test_manifest_line(FILE *file, int partition, int64_t offset,
							   int64_t line);

/* Closes the file; dies if anything could not be written. */
extern void test_manifest_close(FILE *file);

#endif							/* TEST_MANIFEST_H */
