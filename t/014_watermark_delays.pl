# Watermarks that follow from earlier rows, or from the clock, over Kafka:
# max_out_of_orderness 'auto', watermark_function, idle_close, ingestion and
# processing time; across restarts, batch sizes and readers.
use strict;
use warnings;

use Test::More;

use KafkaBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $broker = KafkaBroker->shared;
my $node = start_node('main');
my $bootstrap = $broker->bootstrap;

sub create_stream
{
	my ($stream, $topic, $options, $column) = @_;

	$column ||= 't timestamptz';
	$node->safe_psql('postgres', <<EOF);
CREATE FOREIGN TABLE $stream ($column) SERVER kafka
	OPTIONS (topic '$topic', format 'json', $options);
EOF
	return;
}

sub windows
{
	my ($stream) = @_;

	return <<EOF;
SELECT window_start, window_end, count(*) AS n FROM $stream, tumble(t, '10 s')
GROUP BY window_start, window_end
EOF
}

# What came of a view: its windows, its late rows, its watermark.
sub outcome
{
	my ($view) = @_;

	return $node->safe_psql('postgres', <<EOF);
SELECT * FROM $view ORDER BY window_start;
SELECT partition, "offset", event_time, window_end, watermark FROM stream_agg.late_rows
WHERE view = '$view'::regclass ORDER BY 1, 2;
SELECT watermark, rows_in, rows_late FROM stream_agg.views WHERE view = '$view'::regclass;
EOF
}

# So many rows a second (default: ten) of two partitions, from a second to
# another; every tenth is "late" seconds too late.
sub events
{
	my ($first, $last, $late, $rate) = @_;

	$rate ||= 10;
	return map {
		my $second = int($_ / $rate) - ($_ % 10 == 5 ? $late : 0);
		sprintf("%d\tk\t{\"t\":\"2024-01-01T%02d:%02d:%02dZ\"}",
			$_ / 3 % 2, 10 + $second / 3600, $second / 60 % 60, $second % 60)
	} ($first * $rate .. $last * $rate - 1);
}

$node->safe_psql('postgres', <<EOF);
CREATE SERVER kafka FOREIGN DATA WRAPPER stream_agg
	OPTIONS (bootstrap_servers '$bootstrap');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
EOF

# 'auto': batches of other sizes, a restart in between, and a view that comes
# later and joins the reader of the first, all give the same.
my $topic = $broker->topic_name('auto');
$broker->create_topic($topic, 2);
$broker->produce_lines($topic, events(60, 360, 25));
my $auto = "event_time 't', max_out_of_orderness 'auto 1 s to 1 min', idle_timeout '1 hour'";
create_stream('small', $topic, "$auto, batch_rows '7', flush_interval '10 ms'");
create_view($node, 'small_view', windows('small'));
wait_for_views($node, 'small_view');
my $delays = $node->safe_psql('postgres', <<EOF);
SELECT string_agg((delay_us / 1000000)::text, ' ' ORDER BY partition) FROM stream_agg.position;
EOF
is($delays, '25 25', 'the delay has become longer');
$node->restart;
wait_for_views($node, 'small_view');
$broker->produce_lines($topic, events(360, 660, 5));
wait_for_views($node, 'small_view');
create_stream('large', $topic, $auto);
create_view($node, 'large_view', windows('large'));
wait_for_views($node, 'large_view');
is(outcome('large_view'), outcome('small_view'),
	'neither batches nor a restart make a difference');
cmp_ok(
	$node->safe_psql('postgres',
		"SELECT rows_late FROM stream_agg.views WHERE view = 'large_view'::regclass"),
	'>', 100, 'some rows are late');

create_view($node, 'joined', windows('large'));
wait_for_views($node, 'joined');
wait_for($node,
	"SELECT count(DISTINCT reader) FROM stream_agg.views WHERE stream = 'large'::regclass",
	'1');
is(outcome('joined'), outcome('large_view'), 'a view that joins later has the same');

# One that began elsewhere came to another delay, and keeps to it: its reader
# stays, until the delays have become the same.
$node->safe_psql('postgres', <<EOF);
CREATE MATERIALIZED VIEW elsewhere WITH (stream_agg.continuous,
	stream_agg.start = '{"0": 2800, "1": 2800}') AS
@{[windows('large')]}
EOF
wait_for_views($node, 'elsewhere');
my $readers = <<EOF;
SELECT count(DISTINCT reader) FROM stream_agg.views WHERE stream = 'large'::regclass
EOF
is($node->safe_psql('postgres', $readers), '2', 'two delays, two readers');
$broker->produce_lines($topic, events(660, 1260, 0, 40));
wait_for_views($node, 'elsewhere', 'large_view', 'joined', 'small_view');
$node->restart;
wait_for($node, $readers, '1');
is(outcome('joined'), outcome('small_view'), 'and nothing is different for the others');

# watermark_function: also the same in batches of any size; its errors stop the
# stream and say where, and nothing is lost when it is mended.
$node->safe_psql('postgres', <<'EOF');
CREATE FUNCTION delayed(max_event_time timestamptz, now timestamptz) RETURNS timestamptz
LANGUAGE sql AS $$ SELECT max_event_time - '4 s'::interval * extract(minute FROM max_event_time)::int $$;
EOF
my $function = "event_time 't', idle_timeout '1 hour', watermark_function 'public.delayed'";
create_stream('called', $topic, $function);
create_stream('called_small', $topic, "$function, batch_rows '100'");
create_view($node, 'called_view', windows('called'));
create_view($node, 'called_small_view', windows('called_small'));
wait_for_views($node, 'called_view', 'called_small_view');
is(outcome('called_view'), outcome('called_small_view'), 'a function over batches of any size');
$node->safe_psql('postgres', <<'EOF');
CREATE OR REPLACE FUNCTION delayed(max_event_time timestamptz, now timestamptz) RETURNS timestamptz
LANGUAGE sql AS $$ SELECT max_event_time - '1 s'::interval / (extract(second FROM max_event_time)::int - 3) $$;
EOF
my $log = -s $node->logfile;
$broker->produce_lines($topic, events(1260, 1270, 0));
$node->wait_for_log(qr/watermark function of stream "called", called for partition \d at offset \d+/, $log);
wait_for($node, "SELECT state FROM stream_agg.streams WHERE stream = 'called'::regclass", 'error');
$node->safe_psql('postgres', <<'EOF');
CREATE OR REPLACE FUNCTION delayed(max_event_time timestamptz, now timestamptz) RETURNS timestamptz
LANGUAGE sql AS $$ SELECT max_event_time - '1 s'::interval $$;
EOF
$node->safe_psql('postgres', "SELECT stream_agg.resume('called'), stream_agg.resume('called_small')");
wait_for_views($node, 'called_view', 'called_small_view');
is(outcome('called_view'), outcome('called_small_view'), 'a function that was mended');
is( $node->safe_psql('postgres', <<EOF),
SELECT rows_in + rows_late = (SELECT sum(next_offset) FROM stream_agg.partitions WHERE stream = 'called'::regclass)
FROM stream_agg.views WHERE view = 'called_view'::regclass
EOF
	't', 'each row once');

# idle_close: nothing comes, and windows end by the clock; never back, also
# not across a restart.
create_stream('closing', $topic, "event_time 't', idle_timeout '1 hour', idle_close '1 s'");
create_view($node, 'closing_view', windows('closing'));
wait_for_views($node, 'closing_view');
wait_for($node, 'SELECT bool_and(is_final) FROM closing_view');
wait_for($node,
	"SELECT stream_agg.watermark('closing') > now() - interval '1 minute'");
my $watermark = $node->safe_psql('postgres', "SELECT stream_agg.watermark('closing')");
wait_for($node, "SELECT stream_agg.watermark('closing') > '$watermark'");
pass('it goes on with the clock');
$watermark = $node->safe_psql('postgres', "SELECT stream_agg.watermark('closing')");
$node->restart;
wait_for_views($node, 'closing_view');
is( $node->safe_psql('postgres',
		"SELECT stream_agg.watermark('closing') >= '$watermark'"),
	't', 'not back across a restart');
my $late = "SELECT count(*) FROM stream_agg.late_rows WHERE view = 'closing_view'::regclass";
my $rows_late = $node->safe_psql('postgres', $late);
$broker->produce_lines($topic, events(1270, 1271, 0));
wait_for_views($node, 'closing_view');
is($node->safe_psql('postgres', $late) - $rows_late, 10, 'rows behind it are late');

# Ingestion time and processing time; what the messages say does not matter.
my $since = $node->safe_psql('postgres', 'SELECT now()');
$topic = $broker->topic_name('times');
$broker->create_topic($topic, 2);
$broker->produce_lines($topic, map { "$_\t1704103200000" } events(10, 20, 5));
create_stream('ingested', $topic, "idle_timeout '0'", "t timestamptz OPTIONS (metadata 'timestamp')");
create_stream('processed', $topic, "event_time 't', idle_timeout '0'",
	"t timestamptz OPTIONS (metadata 'processed_at')");
create_view($node, "${_}_view", windows($_)) foreach qw(ingested processed);
wait_for_views($node, 'ingested_view', 'processed_view');
is( $node->safe_psql('postgres', "SELECT window_start AT TIME ZONE 'UTC', n FROM ingested_view"),
	'2024-01-01 10:00:00|100', 'ingestion time is the message\'s timestamp');
wait_for($node, "SELECT stream_agg.watermark('ingested') = '2024-01-01 10:00:00Z'");
is( $node->safe_psql('postgres', <<EOF),
SELECT sum(n), stream_agg.watermark('processed') BETWEEN '$since' AND now()
FROM processed_view
EOF
	'100|t', 'processing time is the clock');
is( $node->safe_psql('postgres',
		"SELECT sum(rows_late) FROM stream_agg.views WHERE view::text ~ '^(ingested|processed)_'"),
	'0', 'nothing is late');

# What arrived is known: every tenth row came five seconds late.
create_stream('measured', $topic, "event_time 't'");
create_view($node, 'measured_view', windows('measured'));
wait_for_views($node, 'measured_view');
is( $node->safe_psql('postgres', <<EOF),
SELECT stream_agg.suggest_out_of_orderness('measured', 0.9),
	stream_agg.suggest_out_of_orderness('measured', 1)
EOF
	'00:00:00|00:00:05', 'suggest_out_of_orderness');

# While no broker answers nobody knows what is unread: that is no silence, and
# nothing is idle. When it is back, the end has to be seen again.
my $own = KafkaBroker->new('own');
my $away = $own->topic_name('away');
$own->create_topic($away, 2);
$own->produce_lines($away, events(0, 60, 0));
$node->safe_psql('postgres', <<EOF);
CREATE SERVER away FOREIGN DATA WRAPPER stream_agg
	OPTIONS (bootstrap_servers '@{[$own->bootstrap]}');
CREATE USER MAPPING FOR CURRENT_USER SERVER away;
CREATE FOREIGN TABLE away (t timestamptz) SERVER away
	OPTIONS (topic '$away', event_time 't', idle_timeout '1 day', idle_close '8 s');
EOF
create_view($node, 'away_view', windows('away'));
wait_for_views($node, 'away_view');
$own->stop;
wait_for($node, <<EOF, 't');
SELECT min(now() - last_message_at) > '10 s' FROM stream_agg.partitions
WHERE stream = 'away'::regclass
EOF
is( $node->safe_psql('postgres', "SELECT stream_agg.watermark('away') AT TIME ZONE 'UTC'"),
	'2024-01-01 10:00:59', 'an outage is no silence');
$own->start;
wait_for($node, "SELECT stream_agg.watermark('away') > now() - interval '1 minute'");
pass('silence is');
$own->stop;

# A dump carries the option; the dependency of the stream on its function is
# recorded anew by the restore.
my $dump = "$PostgreSQL::Test::Utils::tmp_check/dump.sql";
my $positions = <<EOF;
SELECT sum(next_offset), min(delay_us) IS NOT NULL FROM stream_agg.position
EOF
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ],
	'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('copy') ],
	'restore');
my ($ret, $out, $err) = $node->psql('copy', 'DROP FUNCTION delayed');
like($err, qr/foreign table called depends on function/,
	'what a stream uses is not dropped');
is( $node->safe_psql('copy', $positions),
	$node->safe_psql('postgres', $positions),
	'positions are in it, with what is known of earlier rows');

$node->stop;
done_testing();
