# A worker that ends while its TLS connections live must not crash, since that
# would restart the whole server. Without the exit guard of src/kafka about one
# in ten did.
use strict;
use warnings;

use Test::More;

use KafkaBroker;
use PostgreSQL::Test::Utils;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $streams = 10;
my $rounds = 6;
my $broker = KafkaBroker->new('tls', tls => 1);
my $node = start_node('main', conf => "max_worker_processes = 32\n");
my $topic = $broker->topic_name('clicks');
my $bootstrap = $broker->bootstrap('tls');
my $ca = $broker->ca_pem;
my $workers = "FROM stream_agg.workers WHERE kind = 'reader'";

$broker->create_topic($topic, 1);
load_manifest($node, $broker->produce($topic, '-n' => 1_000));
$node->safe_psql('postgres', <<EOF);
CREATE SERVER kafka FOREIGN DATA WRAPPER stream_agg
	OPTIONS (bootstrap_servers '$bootstrap', security_protocol 'ssl',
			 ssl_ca_pem '$ca');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
EOF
foreach my $i (1 .. $streams)
{
	$node->safe_psql('postgres', <<EOF);
CREATE FOREIGN TABLE clicks_$i (s bigint, user_id text) SERVER kafka
	OPTIONS (topic '$topic', format 'json');
CREATE MATERIALIZED VIEW raw_$i WITH (stream_agg.continuous) AS
	SELECT * FROM clicks_$i;
EOF
}
wait_for_views($node, map { "raw_$_" } (1 .. $streams));
my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

foreach my $round (1 .. $rounds)
{
	# Half of the rounds end connected processes, the others some that connect.
	wait_for($node, "SELECT count(*) $workers AND pid IS NOT NULL", $streams);
	wait_for($node, "SELECT count(*) $workers AND state = 'reading'", $streams)
	  if $round % 2;
	my $pids = $node->safe_psql('postgres',
		"SELECT string_agg(pid::text, ',') $workers");
	$node->safe_psql('postgres',
		"SELECT count(pg_terminate_backend(pid)) $workers");
	wait_for($node,
		"SELECT count(*) FROM pg_stat_activity WHERE pid IN ($pids)", '0');

	# A worker that ends again and again is started later each time, unless
	# somebody resumes its stream.
	wait_for($node, <<EOF);
SELECT (SELECT count(stream_agg.resume(stream)) FROM stream_agg.streams) = $streams
	AND (SELECT count(*) $workers AND pid IS NOT NULL) = $streams
EOF
}

wait_for($node, "SELECT count(*) $workers AND pid IS NOT NULL", $streams);
wait_for_views($node, map { "raw_$_" } (1 .. $streams));
is( $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'),
	$started, 'the server is the same');
unlike(slurp_file($node->logfile), qr/terminated by signal|reinitializing/,
	'no process of ' . $streams * $rounds . ' crashed');
is( $node->safe_psql(
		'postgres',
		join(' + ', map { "(SELECT count(*) FROM raw_$_)" } (1 .. $streams))
		  =~ s/^/SELECT /r),
	1_000 * $streams,
	'all rows, once');

$node->stop;
unlike(slurp_file($node->logfile), qr/terminated by signal/,
	'nor at the shutdown');
done_testing();
