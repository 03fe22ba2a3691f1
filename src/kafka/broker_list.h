/*-------------------------------------------------------------------------
 *
 * broker_list.h
 *	  Lists of brokers, "host:port, …".
 *
 *-------------------------------------------------------------------------
 */
#ifndef SA_KAFKA_BROKER_LIST_H
#define SA_KAFKA_BROKER_LIST_H

/*
 * NULL if the text is a list of at least one broker, each host[:port] with a
 * name, an IPv4 address or an IPv6 address in brackets; else the entry that is
 * not, palloc'd.
 */
extern char *sa_broker_list_invalid_entry(const char *list);

/*
 * NULL if each broker of a valid list is also in "allowed"; else the first one
 * that is not, palloc'd.
 */
extern char *sa_broker_list_forbidden_entry(const char *list,
											const char *allowed);

#endif							/* SA_KAFKA_BROKER_LIST_H */
