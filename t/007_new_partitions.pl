# A topic that grows while it is read: nothing of the new partitions is missed.
use strict;
use warnings;

use Test::More;

use KafkaBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $broker = KafkaBroker->shared;
my $node = start_node('main');
my $topic = $broker->topic_name('clicks');
my @events = ('--step-us' => 1000, '--disorder' => 2);

$broker->create_topic($topic, 1);
# So long that no row of a partition that comes later is late.
create_events($node, $broker, 'clicks', $topic,
	options => "max_out_of_orderness '1 hour'");
my %oracle = create_views($node, 'clicks');
my $producer =
  $broker->start_producing($topic, @events, '-n' => 30_000, '--rate' => 10_000);
wait_for($node, 'SELECT count(*) > 1000 FROM clicks_raw');

# Rows are in the new partitions before the reader can know of them, and wait()
# counts them in.
$broker->admin('add-partitions', $topic, 5);
load_manifest($node,
	$broker->produce($topic, @events, '-n' => 20_000, '--producer' => 2));
load_manifest($node, $broker->finish_producing($producer));
caught_up_ok($node, 'one partition, then five', %oracle);
is( $node->safe_psql('postgres', 'SELECT count(*) FROM stream_agg.partitions'),
	'5', 'five positions');

# Also while the server is down.
$node->stop;
$broker->admin('add-partitions', $topic, 7);
load_manifest_later($broker->produce(
		$topic, @events,
		'-n' => 20_000,
		'--first' => 30_000,
		'--producer' => 3));
caught_up_ok($node, 'seven partitions', %oracle);

# Starts the server, and only then can its table be filled.
sub load_manifest_later
{
	my ($manifest) = @_;

	$node->start;
	load_manifest($node, $manifest);
	return;
}

$node->stop;
done_testing();
