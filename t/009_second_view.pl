# A view that is created later starts at the beginning, with a reader of its
# own; when it has caught up it joins the first, and one reader is left.
use strict;
use warnings;

use Test::More;

use KafkaBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $broker = KafkaBroker->shared;
my $node = start_node('main', conf => "stream_agg.batch_rows = 5000\n");
my $topic = $broker->topic_name('clicks');
my @events = ('--step-us' => 1000, '--disorder' => 2);

$broker->create_topic($topic, 3);
create_events($node, $broker, 'clicks', $topic,
	options => "max_out_of_orderness '2 s'");
load_manifest($node, $broker->produce($topic, @events, '-n' => 50_000));
create_view($node, 'first', 'SELECT * FROM clicks');
wait_for_views($node, 'first');
is($node->safe_psql('postgres', 'SELECT count(*) FROM first'),
	'50000', 'the first view has all rows');

# While rows arrive, three more come; each catches up and joins.
my $producer = $broker->start_producing(
	$topic, @events,
	'-n' => 40_000,
	'--first' => 50_000,
	'--rate' => 10_000);
my %oracle = create_views($node, 'clicks');
load_manifest($node, $broker->finish_producing($producer));
caught_up_ok($node, 'views that came later', %oracle);
oracle_ok($node, 'the first view', stream => 'clicks', raw => 'first');
wait_for($node, 'SELECT count(DISTINCT reader) FROM stream_agg.views', '1');
wait_for($node,
	"SELECT count(*) FROM stream_agg.workers WHERE kind = 'reader'", '1');
is( $node->safe_psql('postgres', <<'EOF'),
SELECT (SELECT count(*) FROM stream_agg.reader),
	(SELECT count(*) FROM stream_agg.position),
	(SELECT count(*) FROM stream_agg.late_rows)
EOF
	'1|3|0', 'one reader is left, with its positions; no row is late');

# From now on all go together.
load_manifest($node,
	$broker->produce($topic, @events, '-n' => 10_000, '--first' => 90_000));
caught_up_ok($node, 'together', %oracle);
oracle_ok($node, 'the first view, together', stream => 'clicks', raw => 'first');

# When the last view goes, so does the process; a view after that has it all.
$node->safe_psql('postgres',
	'DROP MATERIALIZED VIEW first, clicks_raw, page_views, totals');
wait_for($node,
	"SELECT count(*) FROM stream_agg.workers WHERE kind = 'reader'", '0');
load_manifest($node,
	$broker->produce($topic, @events, '-n' => 10_000, '--first' => 100_000));
%oracle = create_views($node, 'clicks');
caught_up_ok($node, 'after all were dropped', %oracle);
wait_for($node, 'SELECT count(DISTINCT reader) FROM stream_agg.views', '1');

$node->stop;
done_testing();
