/*-------------------------------------------------------------------------
 *
 * properties.h
 *	  Which properties of librdkafka may be set from SQL, where and by whom.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_KAFKA_PROPERTIES_H
#define SA_KAFKA_PROPERTIES_H

#include "nodes/pg_list.h"

typedef enum SaPropertyPlace
{
	SA_PROPERTY_IN_SERVER,
	SA_PROPERTY_IN_USER_MAPPING
} SaPropertyPlace;

/*
 * Check one option of CREATE/ALTER SERVER or USER MAPPING: known, allowed in
 * that place, allowed to this user, and its value in range.  Raises an error
 * otherwise, with the nearest valid name as the hint.
 */
extern void sa_kafka_property_check(const char *option, const char *value,
									SaPropertyPlace place, bool superuser);

/*
 * Checks that need more than one option, over the full list (of DefElem) of
 * one object.
 */
extern void sa_kafka_properties_check_together(List *options,
											   SaPropertyPlace place);

/* true for passwords and keys, which must never be shown */
extern bool sa_kafka_property_is_secret(const char *option);

#endif							/* SA_KAFKA_PROPERTIES_H */
