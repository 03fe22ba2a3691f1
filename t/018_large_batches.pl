# Batches under strain: messages of all sizes and with headers, more than are held
# at a time; batches of a reader that lags get larger; batch_rows is changed, or the
# broker goes away, while messages are at hand.
use strict;
use warnings;

use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep);

use KafkaBroker;
use MockBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $broker = KafkaBroker->shared;
my $mock = MockBroker->new(1);
my $node = start_node('main');
my $topic = $broker->topic_name('messages');
my $slow_topic = $broker->topic_name('steps');
my $long_topic = $broker->topic_name('lag');
my $bootstrap = $broker->bootstrap;
my $mock_bootstrap = $mock->bootstrap;

sub query { return $node->safe_psql('postgres', @_); }

sub step { my ($n) = @_; return qq(0\t\\N\t{"n": $n}); }

sub held_row
{
	my ($n) = @_;
	return $n % 2 . qq(\t\\N\t{"n": $n, "x": "x$n"});
}

# Two queries give the same rows, as often, by the numbers of those that differ.
sub same_numbers
{
	my ($one, $other, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is( query("(SELECT n FROM ($one EXCEPT ALL $other) a LIMIT 10)
			UNION ALL (SELECT -n FROM ($other EXCEPT ALL $one) b LIMIT 10)"),
		'', $name);
}

# Sizes of the batches of a load that has the column "batch", in their order.
sub sizes
{
	my ($view) = @_;
	return split /\n/,
	  query("SELECT count(*) FROM $view GROUP BY batch ORDER BY min(n)");
}

query(<<EOF);
CREATE SERVER kafka FOREIGN DATA WRAPPER stream_agg
	OPTIONS (bootstrap_servers '$bootstrap');
CREATE SERVER mock FOREIGN DATA WRAPPER stream_agg
	OPTIONS (bootstrap_servers '$mock_bootstrap');
EOF

# 50 MB: every 70th message is of nearly 1 MB, and what it holds differs from
# byte to byte. Numbers that only numeric can hold, text to be unescaped, and
# what makes NULL and '' differ, in values, keys and headers.
$broker->create_topic($topic, 2);
query(<<'EOF' =~ s/TOPIC/$topic/r);
CREATE FOREIGN TABLE messages (
	n int, t text, x numeric,
	key text OPTIONS (metadata 'key'),
	headers jsonb OPTIONS (metadata 'headers'),
	partition int OPTIONS (metadata 'partition'))
	SERVER kafka OPTIONS (topic 'TOPIC', batch_rows '1500');
CREATE TABLE input AS SELECT n,
	(SELECT string_agg(md5((n * g)::text) || chr(233 + g % 7) || E'"\\\n\t', '')
	 FROM generate_series(1, CASE WHEN n % 70 = 0 THEN 20000 ELSE n % 9 END) g) AS t,
	CASE n % 3 WHEN 0 THEN n / 8.0 WHEN 1 THEN 10::numeric ^ (n % 300) END AS x,
	CASE n % 4 WHEN 0 THEN '' WHEN 1 THEN 'key ' || n WHEN 2 THEN repeat('k', n) END AS key,
	CASE n % 5 WHEN 0 THEN '{"a": "", "b": null}'
		WHEN 1 THEN jsonb_build_object('h' || n, repeat('v', n % 900), 'two', n::text)
		WHEN 2 THEN (SELECT jsonb_object_agg('h' || g, 'v' || g * n) FROM generate_series(1, n % 40 + 1) g) END AS headers,
	n % 2 AS partition
FROM generate_series(1, 4900) n;
INSERT INTO messages TABLE input;
CREATE MATERIALIZED VIEW without WITH (stream_agg.continuous) AS
	SELECT n, t, x, key, partition FROM messages;
SELECT stream_agg.wait('without', '180 s');
CREATE TABLE sent AS SELECT * FROM messages;
EOF
my $columns = 'n, t, x, key, partition';
same_numbers("SELECT $columns FROM without", "SELECT $columns FROM input",
	'messages of all sizes come as they were sent');
same_numbers("SELECT $columns FROM sent", "SELECT $columns FROM input",
	'a query reads the same');
same_numbers(
	q{SELECT n, coalesce(headers, '{}') FROM sent},
	q{SELECT n, coalesce(headers, '{}') FROM input},
	'and the headers');
query(q{CREATE MATERIALIZED VIEW headed WITH (stream_agg.continuous) AS SELECT n, headers FROM messages});
query(q{SELECT stream_agg.wait('headed', '180 s')});
same_numbers('SELECT n, headers FROM headed', 'SELECT n, headers FROM sent',
	'a view has them, too');

# batch_rows is a limit that holds however far a reader lags.
$broker->create_topic($slow_topic, 1);
$broker->produce_lines($slow_topic, map { step($_) } 1 .. 1000);
query(<<EOF);
CREATE FOREIGN TABLE steps (n int) SERVER kafka
	OPTIONS (topic '$slow_topic', batch_rows '50', flush_interval '3 s');
CREATE MATERIALIZED VIEW slow WITH (stream_agg.continuous) AS
	SELECT n, pg_current_xact_id()::text AS batch FROM steps
	WHERE pg_sleep(0.001) IS NOT NULL;
SELECT stream_agg.wait('slow', '120 s');
EOF
my @sizes = sizes('slow');
same_numbers('SELECT n FROM slow', 'SELECT generate_series(1, 1000) AS n',
	'each row is there, once');
is("@sizes", '50 ' x 19 . '50', 'a batch is as large as batch_rows says');

# While messages are at hand, and their batch is not full, it is made smaller.
query(q{ALTER FOREIGN TABLE steps OPTIONS (SET batch_rows '1000')});
$broker->produce_lines($slow_topic, map { step($_) } 1001 .. 1030);
sleep(1);
query(q{ALTER FOREIGN TABLE steps OPTIONS (SET batch_rows '10')});
wait_for($node, 'SELECT count(*) FROM slow', '1030');
$broker->produce_lines($slow_topic, map { step($_) } 1031 .. 1070);
query(q{SELECT stream_agg.wait('slow', '60 s')});
@sizes = sizes('slow');
is("@sizes[-5 .. -1]", '30 10 10 10 10',
	'a smaller batch_rows holds from the next batch on');

# Where nobody has set it, batches of a reader that lags get larger.
$broker->create_topic($long_topic, 1);
$broker->produce($long_topic, -n => 400_000, '--size' => 40);
query(<<EOF);
CREATE FOREIGN TABLE lag (s bigint) SERVER kafka
	OPTIONS (topic '$long_topic', flush_interval '10 s');
CREATE MATERIALIZED VIEW grown WITH (stream_agg.continuous) AS
	SELECT s AS n, pg_current_xact_id()::text AS batch FROM lag
	WHERE hashtext(repeat(s::text, 2000)) IS NOT NULL;
SELECT stream_agg.wait('grown', '120 s');
EOF
@sizes = sizes('grown');
is(query('SELECT count(*), count(DISTINCT n) FROM grown'), '400000|400000',
	'each row is there, once');
is($sizes[0], 100_000, 'the first batch has batch_rows rows') or diag("@sizes");
cmp_ok(max(@sizes), '>', 100_000, 'one of the next has more') or diag("@sizes");

# What is at hand when the broker goes away comes again when it is back.
$mock->command('topic held 2');
query(<<EOF);
CREATE FOREIGN TABLE held (n int, x text, partition int OPTIONS (metadata 'partition'))
	SERVER mock OPTIONS (topic 'held', batch_rows '1000', flush_interval '15 s');
CREATE MATERIALIZED VIEW held_rows WITH (stream_agg.continuous) AS SELECT * FROM held;
EOF
my $held = q{stream = 'held'::regclass};
wait_for($node, "SELECT count(*) FROM stream_agg.partitions WHERE $held", '2');
$mock->produce_lines('held', map { held_row($_) } 1 .. 100);
sleep(1);
$mock->command('down 1');
wait_for($node,
	q{SELECT count(*) FROM stream_agg.workers WHERE state LIKE 'connecting%'}, '1');
$mock->command('up 1');
wait_for($node,
	q{SELECT count(*) FROM stream_agg.workers WHERE state LIKE 'connecting%'}, '0');
sleep(1);
$mock->produce_lines('held', map { held_row($_) } 101 .. 140);
wait_for($node, q{SELECT count(*) FROM held_rows}, '140');
same_numbers('SELECT n, x, partition FROM held_rows',
	q{SELECT n, 'x' || n, n % 2 FROM generate_series(1, 140) n},
	'what came twice is there once');

$node->stop;
$mock->stop;
done_testing();
