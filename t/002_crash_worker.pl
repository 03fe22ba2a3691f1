# A worker that is killed, at whatever point of a batch, takes the server's
# other sessions with it, and nothing else: after the restart the views are as
# if nothing had happened.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use KafkaBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $broker = KafkaBroker->shared;
my $node = start_node('main', conf => "stream_agg.batch_rows = 2000\n");
my $topic = $broker->topic_name('clicks');
my @poison = ('--poison-every' => 997);

plan skip_all => 'needs a build with -DSTREAM_AGG_FAULTS'
  if $node->safe_psql('postgres',
	"SELECT count(*) FROM pg_settings WHERE name = 'stream_agg.fault'") eq '0';

$broker->create_topic($topic, 3);
create_events($node, $broker, 'clicks', $topic,
	options => "max_out_of_orderness '2 s'");
my %oracle = create_views($node, 'clicks');

# A view that is made while the reader of the others begins has one of its own at
# first; it must not be that one which is killed.
wait_for($node, "SELECT count(DISTINCT reader) FROM stream_agg.views", '1');

# Kills the reader when it passes the point for the n-th time.
sub crash_at
{
	my ($point, $nth) = @_;
	my $done = $node->data_dir . "/stream_agg.fault.$point.done";

	# Paused, so that the process that resumes counts from one.
	$node->safe_psql('postgres', "SELECT stream_agg.pause('clicks')");
	wait_for($node,
		"SELECT count(*) FROM stream_agg.workers WHERE kind = 'reader'", '0');
	$node->safe_psql('postgres',
		"ALTER SYSTEM SET stream_agg.fault = '$point:kill\@$nth'");
	$node->reload;
	load_manifest($node, $broker->produce($topic, next_events(12_000, @poison)));
	$node->safe_psql('postgres', "SELECT stream_agg.resume('clicks')");
	for (my $i = 0; $i < 600 && !-e $done; $i++)
	{
		sleep(0.05);
	}
	ok(-e $done, "killed at $point, time $nth");
	wait_for($node, 'SELECT true');
	is(oracle_differences($node, %oracle, manifest => 0),
		'', 'views and positions agree after the crash');
	caught_up_ok($node, "killed at $point", %oracle);
	return;
}

crash_at('after_poll', 2);
crash_at('before_begin', 2);
crash_at('view_merged', 4);
crash_at('before_positions', 2);
crash_at('after_positions', 3);
crash_at('before_commit', 2);
crash_at('after_commit', 3);

# And at moments that nobody has chosen: more of them in ./check --long.
my $rounds = $ENV{STREAM_AGG_LONG} ? 60 : 3;
$node->safe_psql('postgres', 'ALTER SYSTEM RESET stream_agg.fault');
$node->reload;
my $producer = $broker->start_producing($topic, '--rate' => 5_000,
	next_events(5_000 * (1 + $rounds), @poison));
foreach my $round (1 .. $rounds)
{
	my $pid = reader_pid($node);

	sleep(rand(0.5));
	kill('KILL', $pid);
	reader_pid($node, not => $pid);
	is(oracle_differences($node, %oracle, manifest => 0),
		'', "views and positions agree after crash $round");
}
load_manifest($node, $broker->finish_producing($producer));
caught_up_ok($node, 'killed at random', %oracle);

$node->stop;
done_testing();
