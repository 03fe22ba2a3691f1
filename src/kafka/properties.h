/*-------------------------------------------------------------------------
 *
 * properties.h
 *	  Which properties of librdkafka may be set from SQL, where and by whom.
 *
 * NOTES
 *	  An option is named like the property, with '_' for '.'.  What is not in
 *	  the table of properties.c is refused, so that a newer librdkafka adds
 *	  nothing silently.
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

typedef enum SaKafkaRole
{
	SA_KAFKA_CONSUMER,
	SA_KAFKA_PRODUCER
} SaKafkaRole;

/*
 * Setting stream_agg.allowed_brokers: the host:port pairs, separated by commas,
 * that servers of non-superusers may name; "*" stands for all.
 */
extern char *sa_allowed_brokers;

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

/*
 * For the client that is about to be set up: raises an error if the option is
 * not in the table or its value is out of range, wherever and by whomever it
 * was set; returns whether a client of this role has a use for it.
 */
extern bool sa_kafka_property_is_used(const char *option, const char *value,
									  SaKafkaRole role);

/* librdkafka's name of an option, palloc'd */
extern char *sa_kafka_property_name(const char *option);

#endif							/* SA_KAFKA_PROPERTIES_H */
