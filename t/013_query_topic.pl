# SELECT from a Kafka stream reads its topic, INSERT produces to it.
use strict;
use warnings;
use utf8;

use Test::More;

use KafkaBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $broker = KafkaBroker->shared;
my $node = start_node('main');
my $topic = $broker->topic_name('events');
my $bootstrap = $broker->bootstrap;

sub query { return $node->safe_psql('postgres', @_); }

$broker->create_topic($topic, 3);
query(<<EOF);
CREATE SERVER kafka FOREIGN DATA WRAPPER stream_agg
	OPTIONS (bootstrap_servers '$bootstrap');
CREATE FOREIGN TABLE events (
	n int,
	city text OPTIONS (path 'user.address.city'),
	zip text OPTIONS (path 'user.address.zip'),
	amount numeric,
	tags text[],
	at timestamptz OPTIONS (epoch 'ms'),
	key text OPTIONS (metadata 'key'),
	headers jsonb OPTIONS (metadata 'headers'),
	partition int OPTIONS (metadata 'partition'),
	"offset" bigint OPTIONS (metadata 'offset'),
	"timestamp" timestamptz OPTIONS (metadata 'timestamp'),
	value jsonb OPTIONS (metadata 'value'))
	SERVER kafka OPTIONS (topic '$topic', event_time 'at');
CREATE MATERIALIZED VIEW kept WITH (stream_agg.continuous) AS
	SELECT n, city, zip, amount, tags, at, key FROM events;
EOF

query(q{
	INSERT INTO events (n, city, zip, amount, tags, at, key, headers, partition, "timestamp")
	VALUES (1, 'Cologne', '50667', 1.10, '{a,"b c"}', '2024-01-01 00:00:00.123Z', 'k1',
			'{"trace": "x", "none": null}', 2, '2024-02-02Z')});
is( query(q{SELECT n, city, zip, amount, tags, extract('epoch' FROM at), key, headers,
				   partition, "offset", "timestamp" = '2024-02-02Z' FROM events}),
	'1|Cologne|50667|1.10|{a,"b c"}|1704067200.123000|k1|{"none": null, "trace": "x"}|2|0|t',
	'a row comes back as it was inserted');
is( query('SELECT value FROM events'),
	'{"n": 1, "at": 1704067200123, "tags": ["a", "b c"], '
	  . '"user": {"address": {"zip": "50667", "city": "Cologne"}}, "amount": 1.10}',
	'its message has the fields where their paths say');

query(q{INSERT INTO events (n, at, partition)
		SELECT g, '2024-01-01Z', g % 2 FROM generate_series(2, 20001) AS g});
is(query('SELECT count(*), sum(n) FROM events'),
	'20001|200030001', 'all partitions are read');
is( query('SELECT count(*) FROM events WHERE partition = 1 AND "offset" BETWEEN 10 AND 19'),
	'10', 'conditions on partition and offset');
is(query(q{SELECT count(*) FROM events WHERE "timestamp" >= '2024-03-01Z'}),
	'20000', 'a condition on the timestamp');
is(query('SELECT count(*) FROM (SELECT * FROM events LIMIT 7) AS l'),
	'7', 'LIMIT');
is( query('SELECT count(*) FROM (VALUES (0), (1)) AS p(p)
		   JOIN LATERAL (SELECT * FROM events e WHERE e.partition = p.p OFFSET 0) AS e ON true'),
	'20000', 'a scan that is run again');
query(q{SELECT stream_agg.wait('kept')});
is(query('SELECT count(*), sum(n) FROM kept'),
	'20001|200030001', 'a continuous view has the same rows');

$broker->produce_lines($topic, "0\t\\N\tnonsense", "0\t\\N\t{\"n\": \"x\"}");
my ($rc, $out, $err) =
  $node->psql('postgres', 'SELECT count(n) FROM events');
is($out, '20001', 'bad messages are left out');
like(
	$err,
	qr/WARNING:  2 messages of topic "\S+" could not be read and were left out/,
	'and counted in a warning');

($rc, $out, $err) =
  $node->psql('postgres', 'INSERT INTO events ("offset") VALUES (1)');
like(
	$err,
	qr/cannot insert a value into column "offset"/,
	'offsets are not for users to choose');
($rc, $out, $err) = $node->psql('postgres',
	q{SET statement_timeout = '20 ms';
	  SELECT count(*) FROM events AS a, events AS b WHERE a.n < b.n});
like(
	$err,
	qr/canceling statement due to statement timeout/,
	'a scan can be cancelled');

$node->stop;
done_testing();
