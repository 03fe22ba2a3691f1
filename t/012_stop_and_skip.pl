# on_error 'stop': a partition stops before its first bad row, the others go on,
# nothing behind the bad row is lost, and skip() passes exactly what it is told.
use strict;
use warnings;

use Test::More;

use KafkaBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $broker = KafkaBroker->shared;
my $node = start_node('main');
my $topic = $broker->topic_name('events');
my $bootstrap = $broker->bootstrap;
my $rows = 3000;

sub query { return $node->safe_psql('postgres', @_); }

# Partition 0 is good; partition 1 has malformed JSON at offsets 100 and 2000;
# partition 2 a division by zero at 500, which only one of the views meets.
sub event
{
	my ($partition, $n) = @_;

	return '{"n": ' if $partition == 1 && ($n == 100 || $n == 2000);
	return sprintf '{"n": %d, "d": %d}', $n,
	  $partition == 2 && $n == 500 ? 0 : 1;
}

$broker->create_topic($topic, 3);
$broker->produce_lines($topic,
	map { my $n = $_; map { "$_\t\\N\t" . event($_, $n) } 0 .. 2 }
	  0 .. $rows - 1);

query(<<EOF);
CREATE SERVER kafka FOREIGN DATA WRAPPER stream_agg
	OPTIONS (bootstrap_servers '$bootstrap');
CREATE FOREIGN TABLE events (n int, d int,
	partition int OPTIONS (metadata 'partition'),
	"offset" bigint OPTIONS (metadata 'offset'))
	SERVER kafka OPTIONS (topic '$topic', on_error 'stop', batch_rows '700');
BEGIN;
CREATE MATERIALIZED VIEW events_raw WITH (stream_agg.continuous) AS
	SELECT * FROM events;
CREATE MATERIALIZED VIEW quotients WITH (stream_agg.continuous) AS
	SELECT sum(n / d) AS total, count(*) AS rows FROM events;
COMMIT;
EOF

wait_for($node,
	'SELECT sum(next_offset) FROM stream_agg.partitions', $rows + 100 + 500);
is( query('SELECT partition, next_offset, error FROM stream_agg.partitions ORDER BY 1'),
	"0|$rows|\n"
	  . "1|100|offset 100: invalid input syntax for type json\n"
	  . '2|500|offset 500: division by zero',
	'two partitions stop at their bad rows, the third goes on');
is( query('SELECT partition, count(*), max("offset") FROM events_raw GROUP BY 1 ORDER BY 1'),
	"0|$rows|" . ($rows - 1) . "\n1|100|99\n2|500|499",
	'everything before the bad rows is there, nothing from behind them');
is( query('SELECT rows FROM quotients'),
	$rows + 100 + 500,
	'all views stand at the same rows');
is(query('SELECT state FROM stream_agg.streams'),
	'stopped', 'the stream says so');

$node->restart;
wait_for($node,
	q{SELECT count(*) FROM stream_agg.workers WHERE state = 'reading'}, '1');
query(q{SELECT stream_agg.wait('events', '1 s')});
is( query('SELECT count(*) FROM events_raw'),
	$rows + 100 + 500,
	'a restart changes nothing');

query(q{SELECT stream_agg.skip('events', 1, 101);
		SELECT stream_agg.skip('events', 2, 501)});
wait_for($node,
	'SELECT next_offset FROM stream_agg.partitions WHERE partition = 2', $rows);
wait_for(
	$node,
	'SELECT error FROM stream_agg.partitions WHERE partition = 1',
	'offset 2000: invalid input syntax for type json');
query(q{SELECT stream_agg.skip('events', 1, 2001)});
is(query(q{SELECT stream_agg.wait('events')}), 't', 'the rest is read');
is( query('SELECT partition, count(*), count(DISTINCT "offset") FROM events_raw GROUP BY 1 ORDER BY 1'),
	"0|$rows|$rows\n1|2998|2998\n2|2999|2999",
	'exactly the bad rows are missing');
is( query('SELECT partition, from_offset, to_offset, recorded_by IS NOT NULL FROM stream_agg.gaps ORDER BY 1, 2'),
	"1|100|101|t\n1|2000|2001|t\n2|500|501|t",
	'what was skipped is recorded');

$node->stop;
done_testing();
