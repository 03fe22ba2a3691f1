# A broker that is not there yet, stops, dies or hangs: the reader waits without
# a transaction, and goes on by itself when the broker does.
use strict;
use warnings;

use Test::More;

use KafkaBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $broker = KafkaBroker->new('own');
my $node = start_node('main');
my $topic = $broker->topic_name('clicks');

# The reader must hold nothing that keeps others waiting, or VACUUM from its
# work, while it waits for Kafka; and nobody can be told that it is done.
sub waits_well
{
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is( $node->safe_psql(
			'postgres', "SELECT stream_agg.wait('clicks_raw', '1 s')"),
		'f',
		"$name: wait() can't know");
	is( $node->safe_psql('postgres', <<'EOF'),
SELECT count(*)
FROM stream_agg.workers w JOIN pg_stat_activity a USING (pid)
WHERE w.kind = 'reader' AND a.xact_start < now() - interval '1 s'
EOF
		'0', "$name: no transaction");
	return;
}

# Not there when the views are created.
$broker->create_topic($topic, 3);
$broker->stop;
create_events($node, $broker, 'clicks', $topic,
	options => "max_out_of_orderness '2 s'");
my %oracle = create_views($node, 'clicks');
my $pid = reader_pid($node);
waits_well('absent');
$broker->start;
load_manifest($node, $broker->produce($topic, next_events(20_000)));
caught_up_ok($node, 'there at last', %oracle);

# Gone for a while.
$broker->stop;
waits_well('stopped');
$broker->start;
load_manifest($node, $broker->produce($topic, next_events(20_000)));
caught_up_ok($node, 'stopped and started', %oracle);

# Killed while rows arrive.
my $producer =
  $broker->start_producing($topic, next_events(40_000), '--rate' => 20_000);
wait_for($node, 'SELECT count(*) > 45000 FROM clicks_raw');
$broker->kill9;
waits_well('killed');
$broker->start;
load_manifest($node, $broker->finish_producing($producer));
caught_up_ok($node, 'killed and started', %oracle);

# Hangs: connections stay open, and nothing answers.
$producer =
  $broker->start_producing($topic, next_events(40_000), '--rate' => 20_000);
wait_for($node, 'SELECT count(*) > 85000 FROM clicks_raw');
$broker->pause;
waits_well('hanging');
$broker->continue;
load_manifest($node, $broker->finish_producing($producer));
caught_up_ok($node, 'stopped for a second', %oracle);

is(reader_pid($node), $pid, 'it was the same process all the time');

$node->stop;
done_testing();
