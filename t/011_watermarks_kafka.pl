# Watermarks over partitions that differ: idle, empty, years apart; and across a
# restart.
use strict;
use warnings;

use Test::More;

use KafkaBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $broker = KafkaBroker->shared;
my $node = start_node('main', conf => "stream_agg.batch_rows = 1000\n");
my $bootstrap = $broker->bootstrap;

# One message of a partition, with its event time in seconds of a minute's
# hour: "10:00:SS" or "10:MM:SS".
sub event
{
	my ($partition, $time) = @_;
	return "$partition\tk\t{\"t\":\"2026-01-01T${time}Z\"}";
}

sub create_stream
{
	my ($stream, $topic, $options) = @_;

	$node->safe_psql('postgres', <<EOF);
CREATE FOREIGN TABLE $stream (t timestamptz) SERVER kafka
	OPTIONS (topic '$topic', format 'json', event_time 't', $options);
EOF
	create_view($node, "${stream}_minutes", <<EOF);
SELECT window_start, window_end, count(*) AS n FROM $stream, tumble(t, '1 minute')
GROUP BY window_start, window_end
EOF
	return "${stream}_minutes";
}

sub watermark_is
{
	my ($view, $expected, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(
		$node->safe_psql('postgres',
			"SELECT to_char(stream_agg.watermark('$view'), 'HH24:MI:SS')"),
		$expected, $name);
}

$node->safe_psql('postgres', <<EOF);
CREATE SERVER kafka FOREIGN DATA WRAPPER stream_agg
	OPTIONS (bootstrap_servers '$bootstrap');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
EOF

# The partition that is furthest behind counts; one without messages does not.
my $topic = $broker->topic_name('minutes');
$broker->create_topic($topic, 3);
$broker->produce_lines($topic, event(0, '10:05:00'), event(1, '10:02:30'),
	event(0, '10:04:00'));
my $view = create_stream('held', $topic, "idle_timeout '1 hour'");
wait_for_views($node, $view);
watermark_is($view, '10:02:30', 'the least of two, an empty one left out');
is( $node->safe_psql('postgres',
		"SELECT string_agg(to_char(window_start, 'MI') || ' ' || n || ' ' || is_final, ', ' ORDER BY window_start) FROM $view"),
	'02 1 false, 05 1 false',
	'a row behind the end of its window by its own partition is late, though the window is open');

# It is kept across a restart, and never goes back.
$node->restart;
wait_for_views($node, $view);
watermark_is($view, '10:02:30', 'a restart keeps it');
$broker->produce_lines($topic, event(1, '10:03:30'), event(1, '10:00:00'));
wait_for_views($node, $view);
watermark_is($view, '10:03:30', 'it moves on, and not back');
is( $node->safe_psql('postgres',
		"SELECT to_char(window_start, 'HH24:MI'), partition FROM stream_agg.late_rows ORDER BY 1"),
	"10:00|1\n10:04|0", 'the row behind it is late');

# A partition that was empty counts once it has a message, also a message that
# is behind: the watermark waits for it.
$broker->produce_lines($topic, event(2, '10:03:45'), event(1, '10:04:30'));
wait_for_views($node, $view);
watermark_is($view, '10:03:45', 'a third partition holds it');

# Idle partitions let it go; when all are, the furthest counts.
$node->safe_psql('postgres',
	"ALTER FOREIGN TABLE held OPTIONS (SET idle_timeout '1 s')");
wait_for($node, "SELECT stream_agg.watermark('$view') = '2026-01-01 10:05:00Z'");
wait_for($node,
	"SELECT bool_and(is_final = (window_end <= '2026-01-01 10:05:00Z')) FROM $view");
pass('all idle: the greatest counts, and windows end without a message');

# One that isn't idle holds it back.
$node->safe_psql('postgres',
	"ALTER FOREIGN TABLE held OPTIONS (SET idle_timeout '1 hour')");
$broker->produce_lines($topic, event(0, '10:09:00'), event(1, '10:08:00'));
wait_for_views($node, $view);
watermark_is($view, '10:05:00', 'a partition that is no longer idle counts again');

# Catching up with partitions that are years apart closes nothing early: each
# row is measured by its own partition alone.
$topic = $broker->topic_name('years');
$broker->create_topic($topic, 2);
my @old = map { "0\tk\t{\"t\":\"2020-01-01T00:" . sprintf('%02d:%02d', $_ / 600, $_ / 10 % 60) . "Z\"}" } (0 .. 19_999);
my @new = map { s/2020-/2025-/r =~ s/^0/1/r } @old;
$broker->produce_lines($topic, @new);
$broker->produce_lines($topic, @old);
$view = create_stream('years', $topic, "idle_timeout '1 hour'");
create_view($node, 'years_raw', 'SELECT * FROM years');
wait_for_views($node, $view, 'years_raw');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM stream_agg.late_rows WHERE view::regclass = '$view'::regclass"),
	'0', 'no row is late');
is( $node->safe_psql('postgres', <<EOF),
SELECT count(*) FROM (
	(SELECT window_start, window_end, n FROM $view
	 EXCEPT ALL
	 SELECT window_start, window_end, count(*) FROM years_raw, tumble(t, '1 minute')
	 GROUP BY window_start, window_end)
	UNION ALL
	(SELECT window_start, window_end, count(*) FROM years_raw, tumble(t, '1 minute')
	 GROUP BY window_start, window_end
	 EXCEPT ALL
	 SELECT window_start, window_end, n FROM $view)) AS d
EOF
	'0', 'all windows are right');
is( $node->safe_psql('postgres',
		"SELECT max(revision) FROM stream_agg_data.$view"),
	'0', 'no window was final before its time');
is( $node->safe_psql('postgres',
		"SELECT count(*) FILTER (WHERE is_final), max(n) FROM $view"),
	'33|600', 'the windows of the older partition are final');

$node->stop;
done_testing();
