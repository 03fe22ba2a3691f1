/*-------------------------------------------------------------------------
 *
 * broker_list.c
 *	  Lists of brokers, "host:port, …".
 *
 * NOTES
 *	  librdkafka reads such a list in its own, more generous way: protocol
 *	  prefixes, paths behind the port.  Whoever compares entries with a list of
 *	  what is allowed must not read them differently from the one who connects,
 *	  so only the plain form, which cannot be read in two ways, is valid here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "utils/builtins.h"

#include "kafka/broker_list.h"

#define DEFAULT_PORT	"9092"	/* librdkafka's, where none is given */
#define ANY_BROKER		"*"

static char *next_entry(const char **cursor);
static char *normalize(const char *entry);
static const char *skip_host(const char *entry);
static bool is_port(const char *text);
static bool contains(const char *list, const char *normalized);

char *
sa_broker_list_invalid_entry(const char *list)
{
	char	   *entry;
	const char *cursor = list;

	while ((entry = next_entry(&cursor)) != NULL)
	{
		if (normalize(entry) == NULL)
			return entry;
	}
	return NULL;
}

char *
sa_broker_list_forbidden_entry(const char *list, const char *allowed)
{
	char	   *entry;
	const char *cursor = list;

	while ((entry = next_entry(&cursor)) != NULL)
	{
		char	   *normalized = normalize(entry);

		if (normalized == NULL || !contains(allowed, normalized))
			return entry;
	}
	return NULL;
}

/*
 * The next entry without the blanks around it, palloc'd; NULL at the end.  An
 * empty list has one entry, which is empty.
 */
static char *
next_entry(const char **cursor)
{
	const char *start = *cursor;
	const char *end;

	if (start == NULL)
		return NULL;
	end = strchr(start, ',');
	*cursor = end ? end + 1 : NULL;
	if (end == NULL)
		end = start + strlen(start);

	while (start < end && *start == ' ')
		start++;
	while (end > start && end[-1] == ' ')
		end--;
	return pnstrdup(start, end - start);
}

/*
 * "host:port" in lower case, palloc'd, or NULL if the entry is not of that
 * form.
 */
static char *
normalize(const char *entry)
{
	const char *port = skip_host(entry);
	char	   *normalized;

	if (port == NULL)
		return NULL;
	if (*port == '\0')
		normalized = psprintf("%s:%s", entry, DEFAULT_PORT);
	else if (*port == ':' && is_port(port + 1))
		normalized = pstrdup(entry);
	else
		return NULL;

	for (char *c = normalized; *c; c++)
		*c = pg_tolower((unsigned char) *c);
	return normalized;
}

/* What follows the host, or NULL if there is no valid host. */
static const char *
skip_host(const char *entry)
{
	const char *c = entry;

	if (*c == '[')
	{
		do
			c++;
		while (isxdigit((unsigned char) *c) || *c == ':' || *c == '.');
		return *c == ']' ? c + 1 : NULL;
	}
	while (isalnum((unsigned char) *c) || *c == '.' || *c == '-' || *c == '_')
		c++;
	return c > entry ? c : NULL;
}

static bool
is_port(const char *text)
{
	size_t		len = strlen(text);
	int			port;

	if (len < 1 || len > 5 || strspn(text, "0123456789") != len)
		return false;
	port = atoi(text);
	return port >= 1 && port <= 65535;
}

static bool
contains(const char *list, const char *normalized)
{
	char	   *entry;
	const char *cursor = list;

	while ((entry = next_entry(&cursor)) != NULL)
	{
		char	   *candidate;

		if (strcmp(entry, ANY_BROKER) == 0)
			return true;
		candidate = normalize(entry);
		if (candidate != NULL && strcmp(candidate, normalized) == 0)
			return true;
	}
	return false;
}
