/*-------------------------------------------------------------------------
 *
 * nexmark_events.c
 *	  Prints the events of the Nexmark benchmark: new persons and auctions of
 *	  an online auction house, and bids.
 *
 * Usage: nexmark_events messages|rows COUNT EVENTS_PER_SECOND PARTITIONS
 *
 *	  messages	JSON, as lines for "sa_producer --raw": partition, key, value
 *	  rows		the same events as lines for COPY into the table of oracle.sql
 *
 * NOTES
 *	  Written from the published description of the model.  Of fifty events one
 *	  is a person, three are auctions, 46 are bids.  Half of the bids go to the
 *	  hot auction and three of four come from the hot bidder, three of four
 *	  auctions are the hot seller's; each changes with every hundredth auction
 *	  or person.  The others are drawn from the last 100 auctions and 1000
 *	  persons, and from the next ten, that are not there yet.  Prices are
 *	  spread evenly over the orders of magnitude.  "extra" fills each kind of
 *	  event up to its usual size.
 *
 *	  An event is made of its number alone, so two runs print the same events.
 *	  COUNT and the rate decide the event time alone: it is in order, and
 *	  midnight is in its middle, so that aggregates by day see two days.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CYCLE 50				/* events of which these are: */
#define CYCLE_PERSONS 1
#define CYCLE_AUCTIONS 3

#define FIRST_ID 1000
#define FIRST_CATEGORY 10
#define NCATEGORIES 5
#define ID_LEAD 10				/* ids drawn that are not there yet */
#define ACTIVE_PERSONS 1000
#define ACTIVE_AUCTIONS 100
#define HOT_EVERY 100			/* ids between two hot ones */
#define NCHANNELS 10000

#define PERSON_BYTES 200		/* what "extra" fills up to, on average */
#define AUCTION_BYTES 500
#define BID_BYTES 100

#define MIDNIGHT_MS (INT64_C(1700006400) * 1000)
#define TEXT_MAX 1024
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

typedef enum Kind
{
	PERSON,
	AUCTION,
	BID
} Kind;

/* How the fields of an event are printed. */
typedef struct Printer
{
	bool		rows;			/* for COPY, instead of JSON */
	bool		first;			/* the next field is the first of its object */
} Printer;

static uint64_t random_state;

static const char *const first_names[] = {"Ada", "Bert", "Carla", "Dirk", "Emma",
"Frank", "Greta", "Hans", "Ida", "Jan", "Kate"};
static const char *const last_names[] = {"Abel", "Brandt", "Costa", "Diaz", "Evans",
"Fischer", "Green", "Hall", "Ito"};
static const char *const cities[] = {"Phoenix", "Los Angeles", "San Francisco", "Boise",
"Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"};
static const char *const states[] = {"AZ", "CA", "ID", "OR", "WA", "WY"};
static const char *const hot_channels[] = {"Google", "Facebook", "Baidu", "Apple"};

/* ----------------------------------------------------------------------------
 * Random things
 * ----------------------------------------------------------------------------
 */

static uint64_t
random_bits(void)
{
	uint64_t	x = random_state += UINT64_C(0x9E3779B97F4A7C15);

	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

static int64_t
random_below(int64_t limit)
{
	return (int64_t) (random_bits() % (uint64_t) limit);
}

static int64_t
random_price(void)
{
	double		fraction = (random_bits() >> 11) / 9007199254740992.0;

	return llround(pow(10.0, fraction * 6.0) * 100.0);
}

static const char *
random_letters(char *text, int length)
{
	for (int i = 0; i < length; i++)
		text[i] = 'a' + random_below(26);
	text[length] = '\0';
	return text;
}

/* What is missing to that size, give or take a fifth. */
static const char *
random_extra(char *text, int size, int present)
{
	int			missing = size > present ? size - present : 0;
	int			margin = missing / 5;

	return random_letters(text, missing - margin + random_below(2 * margin + 1));
}

/* ----------------------------------------------------------------------------
 * Ids, counted from zero
 * ----------------------------------------------------------------------------
 */

/* The last person that is there when an event comes, itself included. */
static int64_t
last_person(int64_t number)
{
	return number / CYCLE;
}

/* The same for auctions; -1 before the first. */
static int64_t
last_auction(int64_t number)
{
	int64_t		place = number % CYCLE - CYCLE_PERSONS;

	if (place >= CYCLE_AUCTIONS)
		place = CYCLE_AUCTIONS - 1;
	return number / CYCLE * CYCLE_AUCTIONS + (place < 0 ? -1 : place);
}

static int64_t
some_person(int64_t number)
{
	int64_t		count = last_person(number) + 1;
	int64_t		active = count < ACTIVE_PERSONS ? count : ACTIVE_PERSONS;

	return count - active + random_below(active + ID_LEAD);
}

static int64_t
some_auction(int64_t number)
{
	int64_t		last = last_auction(number);
	int64_t		least = last > ACTIVE_AUCTIONS ? last - ACTIVE_AUCTIONS : 0;

	return least + random_below(last - least + 1 + ID_LEAD);
}

static int64_t
hot(int64_t id)
{
	return id / HOT_EVERY * HOT_EVERY;
}

/* ----------------------------------------------------------------------------
 * Printing
 * ----------------------------------------------------------------------------
 */

/* One field by its name in JSON; in rows the order alone counts. */
static void
print_field(Printer *printer, const char *name, const char *fmt,...)
{
	va_list		args;

	if (printer->rows)
		putchar('\t');
	else
		printf(printer->first ? "\"%s\":" : ",\"%s\":", name);
	printer->first = false;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}

static void
print_number(Printer *printer, const char *name, int64_t value)
{
	print_field(printer, name, "%" PRId64, value);
}

static void
print_text(Printer *printer, const char *name, const char *value)
{
	print_field(printer, name, printer->rows ? "%s" : "\"%s\"", value);
}

static void
print_time(Printer *printer, const char *name, int64_t time_ms)
{
	time_t		seconds = time_ms / 1000;
	struct tm	tm;
	char		text[64];
	size_t		length;

	gmtime_r(&seconds, &tm);
	length = strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text + length, sizeof(text) - length, ".%03d", (int) (time_ms % 1000));
	print_text(printer, name, text);
}

/* The columns of kinds that an event is not. */
static void
print_nulls(const Printer *printer, int count)
{
	for (int i = 0; printer->rows && i < count; i++)
		fputs("\t\\N", stdout);
}

static void
print_person(Printer *printer, int64_t number)
{
	char		name[TEXT_MAX];
	char		email[TEXT_MAX];
	char		card[TEXT_MAX];
	char		user[TEXT_MAX];
	char		host[TEXT_MAX];
	char		extra[TEXT_MAX];
	const char *city = cities[random_below(LENGTH(cities))];
	const char *state = states[random_below(LENGTH(states))];

	snprintf(name, sizeof(name), "%s %s", first_names[random_below(LENGTH(first_names))],
			 last_names[random_below(LENGTH(last_names))]);
	random_letters(user, 7);
	random_letters(host, 5);
	snprintf(email, sizeof(email), "%.7s@%.5s.com", user, host);
	snprintf(card, sizeof(card), "%04d %04d %04d %04d", (int) random_below(10000),
			 (int) random_below(10000), (int) random_below(10000),
			 (int) random_below(10000));
	print_number(printer, "id", FIRST_ID + last_person(number));
	print_text(printer, "name", name);
	print_text(printer, "emailAddress", email);
	print_text(printer, "creditCard", card);
	print_text(printer, "city", city);
	print_text(printer, "state", state);
	print_text(printer, "extra",
			   random_extra(extra, PERSON_BYTES, 8 + strlen(name) + strlen(email) +
							strlen(card) + strlen(city) + strlen(state)));
}

/* An auction lasts about as long as it takes to be no longer active. */
static int64_t
random_length_ms(int64_t rate)
{
	int64_t		mean_ms = ACTIVE_AUCTIONS * CYCLE / CYCLE_AUCTIONS * 1000 / rate;

	return 1 + random_below(2 * mean_ms + 1);
}

static void
print_auction(Printer *printer, int64_t number, int64_t time_ms, int64_t rate)
{
	char		item[TEXT_MAX];
	char		description[TEXT_MAX];
	char		extra[TEXT_MAX];
	int64_t		initial = random_price();
	int64_t		seller = random_below(4) > 0 ? hot(last_person(number)) : some_person(number);

	random_letters(item, 5 + random_below(15));
	random_letters(description, 30 + random_below(70));
	print_number(printer, "id", FIRST_ID + last_auction(number));
	print_text(printer, "itemName", item);
	print_text(printer, "description", description);
	print_number(printer, "initialBid", initial);
	print_number(printer, "reserve", initial + random_price());
	print_time(printer, "expires", time_ms + random_length_ms(rate));
	print_number(printer, "seller", FIRST_ID + seller);
	print_number(printer, "category", FIRST_CATEGORY + random_below(NCATEGORIES));
	print_text(printer, "extra",
			   random_extra(extra, AUCTION_BYTES,
							8 * 7 + strlen(item) + strlen(description)));
}

static void
print_bid(Printer *printer, int64_t number)
{
	char		channel[TEXT_MAX];
	char		url[TEXT_MAX];
	char		extra[TEXT_MAX];
	int64_t		auction = random_below(2) > 0 ? hot(last_auction(number)) : some_auction(number);
	int64_t		bidder = random_below(4) > 0 ? hot(last_person(number)) + 1 : some_person(number);
	int64_t		channel_number = random_below(NCHANNELS);

	if (random_below(2) > 0)
		strcpy(channel, hot_channels[channel_number % LENGTH(hot_channels)]);
	else
		snprintf(channel, sizeof(channel), "channel-%d", (int) channel_number);
	snprintf(url, sizeof(url), "https://www.nexmark.com/%c/%c/item.htm?query=1&channel_id=%d",
			 'a' + (int) (channel_number % 26), 'a' + (int) (channel_number / 26 % 26),
			 (int) channel_number);
	print_number(printer, "auction", FIRST_ID + auction);
	print_number(printer, "bidder", FIRST_ID + bidder);
	print_number(printer, "price", random_price());
	print_text(printer, "channel", channel);
	print_text(printer, "url", url);
	print_text(printer, "extra", random_extra(extra, BID_BYTES, 8 * 4));
}

static void
print_event(bool rows, int64_t number, int64_t count, int64_t rate, int partitions)
{
	static const char *const objects[] = {"person", "auction", "bid"};
	Printer		printer = {.rows = rows, .first = true};
	int			place = number % CYCLE;
	Kind		kind = place < CYCLE_PERSONS ? PERSON :
		place < CYCLE_PERSONS + CYCLE_AUCTIONS ? AUCTION : BID;
	int64_t		time_ms = MIDNIGHT_MS + (number - count / 2) * 1000 / rate;

	random_state = (uint64_t) number << 20;
	printf("%d", (int) random_below(partitions));
	if (!rows)
		fputs("\t\\N\t{", stdout);
	print_number(&printer, "event_type", kind);
	print_time(&printer, "dateTime", time_ms);
	if (!rows)
		printf(",\"%s\":{", objects[kind]);
	printer.first = true;
	print_nulls(&printer, kind == PERSON ? 0 : kind == AUCTION ? 7 : 16);
	switch (kind)
	{
		case PERSON:
			print_person(&printer, number);
			break;
		case AUCTION:
			print_auction(&printer, number, time_ms, rate);
			break;
		case BID:
			print_bid(&printer, number);
			break;
	}
	print_nulls(&printer, kind == PERSON ? 15 : kind == AUCTION ? 6 : 0);
	fputs(rows ? "\n" : "}}\n", stdout);
}

static int64_t
parse_count(const char *text)
{
	char	   *end;
	long long	value = strtoll(text, &end, 10);

	if (*end != '\0' || value <= 0)
	{
		fprintf(stderr, "nexmark_events: not a positive number: \"%s\"\n", text);
		exit(1);
	}
	return value;
}

int
main(int argc, char **argv)
{
	int64_t		count;
	int64_t		rate;
	int64_t		partitions;

	if (argc != 5 || (strcmp(argv[1], "messages") != 0 && strcmp(argv[1], "rows") != 0))
	{
		fprintf(stderr, "usage: nexmark_events messages|rows COUNT EVENTS_PER_SECOND PARTITIONS\n");
		return 1;
	}
	count = parse_count(argv[2]);
	rate = parse_count(argv[3]);
	partitions = parse_count(argv[4]);
	for (int64_t number = 0; number < count; number++)
		print_event(strcmp(argv[1], "rows") == 0, number, count, rate, partitions);
	if (fflush(stdout) != 0)
	{
		perror("nexmark_events");
		return 1;
	}
	return 0;
}
