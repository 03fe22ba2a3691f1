# What goes into a topic comes out of the views: all of it, once, and
# aggregated as the same query would over a table; also across a restart.
use strict;
use warnings;

use Test::More;

use KafkaBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $broker = KafkaBroker->shared;
my $node = start_node('main');
my $topic = $broker->topic_name('clicks');

# Windows and running totals over the raw rows: what the views must hold.
my %batch = (
	page_views => <<'EOF',
SELECT window_start, window_end, page, count(*) AS views,
	avg(amount) AS avg_amount, count(DISTINCT user_id) AS users
FROM clicks_raw, tumble(event_time, '10 s')
GROUP BY window_start, window_end, page
EOF
	totals => <<'EOF',
SELECT user_id, count(*) AS rows, sum(amount) AS amount,
	max(event_time) AS last_seen
FROM clicks_raw
GROUP BY user_id
EOF
);
my %oracle = (stream => 'clicks', raw => 'clicks_raw', views => \%batch);

$broker->create_topic($topic, 4);
create_events($node, $broker, 'clicks', $topic,
	options => "max_out_of_orderness '5 s'");

my @events = ('--seed' => 42, '--disorder' => 5, '--poison-every' => 10_007);
load_manifest($node, $broker->produce($topic, '-n' => 100_000, @events));

$node->safe_psql('postgres',
	'CREATE MATERIALIZED VIEW clicks_raw WITH (stream_agg.continuous) AS '
	  . 'SELECT * FROM clicks');
foreach my $view (sort keys %batch)
{
	my $query = $batch{$view} =~ s/\bclicks_raw\b/clicks/r;
	$node->safe_psql('postgres',
		"CREATE MATERIALIZED VIEW $view WITH (stream_agg.continuous) AS $query");
}
wait_for_views($node, 'clicks_raw', sort keys %batch);
oracle_ok($node, 'rows from before the views', %oracle);

# Restart while rows arrive.
my $producer = $broker->start_producing($topic, '-n' => 100_000,
	'--first' => 100_000, '--rate' => 50_000, @events);
$node->restart;
is(oracle_differences($node, %oracle, manifest => 0),
	'', 'views and positions agree in the middle of a run');
load_manifest($node, $broker->finish_producing($producer));
wait_for_views($node, 'clicks_raw', sort keys %batch);
oracle_ok($node, 'rows from across a restart', %oracle);

is( $node->safe_psql('postgres', <<'EOF'),
SELECT count(*) FROM page_views
WHERE is_final <> (window_end <= stream_agg.watermark('page_views'))
EOF
	'0', 'exactly the windows behind the watermark are final');

$node->stop;
done_testing();
