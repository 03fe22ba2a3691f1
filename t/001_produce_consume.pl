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
my @events = (
	'--seed' => 42,
	'--step-us' => 1000,
	'--disorder' => 5,
	'--poison-every' => 10_007);

$broker->create_topic($topic, 4);
create_events($node, $broker, 'clicks', $topic,
	options => "max_out_of_orderness '5 s'");
load_manifest($node, $broker->produce($topic, '-n' => 100_000, @events));
my %oracle = create_views($node, 'clicks');
caught_up_ok($node, 'rows from before the views', %oracle);

# Restart while rows arrive.
my $producer = $broker->start_producing($topic, '-n' => 100_000,
	'--first' => 100_000, '--rate' => 50_000, @events);
$node->restart;
is(oracle_differences($node, %oracle, manifest => 0),
	'', 'views and positions agree in the middle of a run');
load_manifest($node, $broker->finish_producing($producer));
caught_up_ok($node, 'rows from across a restart', %oracle);

is( $node->safe_psql('postgres', <<'EOF'),
SELECT count(*) FROM page_views
WHERE is_final <> (window_end <= stream_agg.watermark('page_views'))
EOF
	'0', 'exactly the windows behind the watermark are final');
is($node->safe_psql('postgres', 'SELECT count(*) FROM stream_agg.late_rows'),
	'0', 'no row is late');

# Messages of transactions: those of aborted ones were never there, and the
# records that end transactions take offsets of their own.
load_manifest($node,
	$broker->produce($topic, '-n' => 20_000, '--first' => 200_000,
		'--transactions' => 500, '--abort-every' => 3, @events));
caught_up_ok($node, 'rows of committed transactions', %oracle, positions => 0);
is( $node->safe_psql('postgres', 'SELECT sum(lag) FROM stream_agg.partitions'),
	'0', 'nothing is left to read');

$node->stop;
done_testing();
