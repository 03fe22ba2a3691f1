# The server may be killed, or stopped in any way, while rows arrive: after its
# start the views go on from where they were, and nothing is missing or double.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use KafkaBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $broker = KafkaBroker->shared;
my $node = start_node('main', conf => "fsync = on\n");
my $topic = $broker->topic_name('clicks');

# Starts the server when the processes of the killed one have gone.
sub start_again
{
	for (my $i = 0; $i < 100; $i++)
	{
		return if $node->start(fail_ok => 1);
		sleep(0.1);
		$node->stop('fast', fail_ok => 1);
	}
	die "the server does not start\n";
}

$broker->create_topic($topic, 3);
create_events($node, $broker, 'clicks', $topic,
	options => "max_out_of_orderness '2 s'");
my %oracle = create_views($node, 'clicks');
my $producer = $broker->start_producing($topic, '-n' => 100_000,
	'--rate' => 8_000, '--disorder' => 2, '--poison-every' => 997);

my $rows = 0;
foreach my $how ('kill9', 'immediate', 'fast', 'kill9')
{
	# It has to be in the middle of its work.
	my $enough = $rows + 3_000;
	wait_for($node, "SELECT count(*) > $enough FROM clicks_raw");
	if ($how eq 'kill9')
	{
		$node->kill9;
		start_again();
	}
	else
	{
		$node->stop($how);
		$node->start;
	}
	is(oracle_differences($node, %oracle, manifest => 0),
		'', "views and positions agree after $how");
	$rows = $node->safe_psql('postgres', 'SELECT count(*) FROM clicks_raw');
}

load_manifest($node, $broker->finish_producing($producer));
caught_up_ok($node, 'after all', %oracle);

$node->stop;
done_testing();
