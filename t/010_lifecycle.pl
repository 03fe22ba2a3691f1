# Workers come and go with what they are for: the server, views, databases, the
# extension. They hold up neither a shutdown nor a command on their database,
# and never run in recovery.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use KafkaBroker;
use PostgreSQL::Test::Utils;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

# Of its own, since it is made to hang. Starts of processes are logged at
# debug1, which is how it can be known that none was started.
my $broker = KafkaBroker->new('life');
my $node = start_node(
	'main',
	allows_streaming => 1,
	conf => "log_min_messages = debug1\n");
my $topic = $broker->topic_name('clicks');
my $stream_options = "max_out_of_orderness '2 s'";

# Logs may go on from an earlier run.
my %log_of_run = ($node->name => -s $node->logfile);

# Everything that says what a database has read, in one row.
my $sums = <<'EOQ';
SELECT count(*), count(DISTINCT (partition, "offset")), sum("offset"), sum(amount)
FROM clicks_raw
EOQ

sub query { return $node->safe_psql('postgres', @_); }

# Produces so many events more, and waits for that.
sub produce
{
	my ($count) = @_;

	load_manifest($node, $broker->produce($topic, next_events($count)));
	return;
}

# Produces so many events more in the background, slowly enough that something
# can be done meanwhile. One must be finished before the next begins, since
# event time goes on from there.
sub start_producing
{
	my ($count) = @_;
	return $broker->start_producing($topic, next_events($count),
		'--rate' => 5_000);
}

# Waits for the end of that.
sub finish_producing
{
	my ($producer) = @_;

	load_manifest($node, $broker->finish_producing($producer));
	return;
}

# Waits until a query in any database gives t.
sub wait_in
{
	my ($database, $query) = @_;

	$node->poll_query_until($database, $query)
	  or die "waited in vain in $database: $query\n";
	return;
}

# SQL that counts the readers of a database, for any server and database.
sub readers_of
{
	my ($database) = @_;
	return "SELECT count(*) FROM pg_stat_activity"
	  . " WHERE backend_type = 'stream_agg reader' AND datname = '$database'";
}

# Passes when the database has so many readers, which may take a moment.
sub readers_become
{
	my ($database, $count, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok( $node->poll_query_until('postgres', readers_of($database), $count),
		$name);
	return;
}

# Passes when a database has read exactly what "postgres" has, which is
# everything.
sub has_read_all
{
	my ($database, $name) = @_;
	my $caught_up = $node->safe_psql($database,
		"SELECT stream_agg.wait('clicks_raw', '60 s')");

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("$caught_up " . $node->safe_psql($database, $sums),
		't ' . query($sums), $name);
	return;
}

# How many readers a server has started from a position in its log on.
sub started_readers
{
	my ($server, $from) = @_;
	my $log = slurp_file($server->logfile, $from);

	return () = $log =~ /starting background worker process "stream_agg reader/g;
}

# Passes if something takes less than so many seconds.
sub within
{
	my ($seconds, $name, $what) = @_;
	my $start = time();

	$what->();
	my $took = time() - $start;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	cmp_ok($took, '<', $seconds, $name);
	note(sprintf('%s: %.2f s', $name, $took));
	return;
}

# What streams and continuous views leave in the database, if anything.
my $traces = <<'EOQ';
SELECT (SELECT count(*) FROM stream_agg.reader),
	(SELECT count(*) FROM stream_agg.position),
	(SELECT count(*) FROM stream_agg.continuous_view),
	(SELECT count(*) FROM stream_agg.progress),
	(SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relkind <> 'f'
		AND relnamespace NOT IN (SELECT oid FROM pg_namespace
			WHERE nspname IN ('stream_agg', 'pg_toast')))
EOQ

$broker->create_topic($topic, 3);
create_events($node, $broker, 'clicks', $topic, options => $stream_options);

#
# A CREATE that is rolled back starts nothing. That nothing was started for it
# can be told when the reader of a later view runs: it is the first.
#
my $log_start = -s $node->logfile;
my $nothing = query($traces);
my $create = 'CREATE MATERIALIZED VIEW clicks_raw WITH (stream_agg.continuous)'
  . ' AS SELECT * FROM clicks';
query("BEGIN; $create; ROLLBACK");
query("BEGIN; SAVEPOINT s; $create; ROLLBACK TO s; COMMIT");
is(query($traces), $nothing, 'a rolled-back CREATE leaves no trace');

create_view($node, 'clicks_raw', 'SELECT * FROM clicks');
readers_become('postgres', 1, 'CREATE starts a reader');
wait_for_views($node, 'clicks_raw');
is(started_readers($node, $log_start),
	1, 'the rolled-back ones have started none');
query('DROP MATERIALIZED VIEW clicks_raw');
readers_become('postgres', 0, 'DROP of the last view stops the reader');
query('DROP SERVER clicks_server CASCADE');
is(query($traces), $nothing, 'after DROP of the stream no trace is left');
create_events($node, $broker, 'clicks', $topic, options => $stream_options);

#
# Pause, resume, restart.
#
my %oracle = create_views($node, 'clicks');
produce(10_000);
caught_up_ok($node, 'after CREATE', %oracle);

query("SELECT stream_agg.pause('clicks')");
readers_become('postgres', 0, 'pause stops the reader');
is(query('SELECT state FROM stream_agg.streams'), 'paused', 'and says so');
produce(5_000);
my $database =
  query('SELECT oid FROM pg_database WHERE datname = current_database()');
$log_start = -s $node->logfile;
$node->restart;
$node->wait_for_log(
	qr/starting .* process "stream_agg inspector of database $database"/,
	$log_start);
wait_for($node,
	"SELECT count(*) FROM stream_agg.workers WHERE kind = 'inspector'", '0');
is(query(readers_of('postgres')), '0', 'it stays paused over a restart');
is(query('SELECT count(*) FROM clicks_raw'), '10000', 'nothing was read');
query("SELECT stream_agg.resume('clicks')");
readers_become('postgres', 1, 'resume starts the reader');
caught_up_ok($node, 'after resume', %oracle);
is(started_readers($node, $log_start), 1, 'one reader was started');

# Nobody connects before the reader is there.
$node->stop;
my $manifest = $broker->produce($topic, next_events(5_000));
$log_start = -s $node->logfile;
$node->start;
$node->wait_for_log(
	qr/starting background worker process "stream_agg reader/, $log_start);
load_manifest($node, $manifest);
caught_up_ok($node, 'after a restart', %oracle);

#
# Other databases.
#
my $pid = reader_pid($node);

# The extension, a stream and a view in a database.
sub create_in
{
	my ($database) = @_;

	$node->safe_psql($database, 'CREATE EXTENSION stream_agg');
	create_events($node, $broker, 'clicks', $topic,
		options => $stream_options,
		database => $database);
	create_view($node, 'clicks_raw', 'SELECT * FROM clicks',
		database => $database);
	return;
}

query('CREATE DATABASE second');
create_in('second');
readers_become('second', 1, 'the second database has a reader of its own');
has_read_all('second', 'which reads everything');
$node->safe_psql('second', 'DROP EXTENSION stream_agg CASCADE');
readers_become('second', 0, 'DROP EXTENSION CASCADE stops it');
is( $node->safe_psql('second',
		'SELECT count(*) FROM pg_class WHERE oid >= 16384'),
	'0', 'and leaves nothing');
create_in('second');
has_read_all('second', 'the extension can be created again');

# A copy, made while the reader is at work.
my $rows = $node->safe_psql('second', 'SELECT count(*) FROM clicks_raw');
my $producer = start_producing(20_000);
wait_in('second', "SELECT count(*) > $rows + 1000 FROM clicks_raw");
within(5, 'CREATE DATABASE … TEMPLATE of a database that reads',
	sub { query('CREATE DATABASE copied TEMPLATE second') });
my $copied = $node->safe_psql('copied', $sums);
readers_become('second', 1, 'the original goes on');
finish_producing($producer);
caught_up_ok($node, 'beside a copy', %oracle);
has_read_all('second', 'the original has everything');
is($node->safe_psql('copied', 'SELECT state FROM stream_agg.streams'),
	'copy', 'the copy knows that it is one');
is(query(readers_of('copied')), '0', 'it has no reader');
is($node->safe_psql('copied', $sums), $copied, 'and has read nothing');
$node->safe_psql('copied', 'SELECT stream_agg.adopt()');
readers_become('copied', 1, 'adopt() starts a reader');
has_read_all('copied', 'and the copy reads on from where it was made');

# Commands on them come while they read.
$rows = events_so_far();
$producer = start_producing(10_000);
wait_in('copied', "SELECT count(*) > $rows FROM clicks_raw");
within(5, 'ALTER DATABASE … RENAME of one that reads',
	sub { query('ALTER DATABASE copied RENAME TO renamed') });
finish_producing($producer);
has_read_all('renamed', 'which then reads on');
foreach my $name ('renamed', 'second')
{
	$rows = events_so_far();
	$producer = start_producing(10_000);
	wait_in($name, "SELECT count(*) > $rows FROM clicks_raw");
	within(5, "DROP DATABASE $name, which reads",
		sub { query("DROP DATABASE $name") });
	finish_producing($producer);
}
caught_up_ok($node, 'after others were dropped', %oracle);
is(reader_pid($node), $pid, 'their coming and going did not disturb others');

#
# While the broker hangs: a command on a database, and shutdowns in the middle
# of reading and of an attempt to connect.
#
query('CREATE DATABASE hanging');
create_in('hanging');
has_read_all('hanging', 'one more database');
$rows = events_so_far();
$producer = start_producing(20_000);
wait_for($node, "SELECT count(*) > $rows + 1000 FROM clicks_raw");
wait_in('hanging', "SELECT count(*) > $rows FROM clicks_raw");
$broker->pause;
within(5, 'DROP DATABASE while the broker hangs',
	sub { query('DROP DATABASE hanging') });
within(3, 'fast shutdown while the broker hangs',
	sub { $node->stop('fast') });
$node->start;
reader_pid($node);
wait_for($node,
	q{SELECT state IN ('connecting', 'error') FROM stream_agg.streams});
within(3, 'fast shutdown while the reader connects to a broker that hangs',
	sub { $node->stop('fast') });
$broker->continue;
$node->start;
finish_producing($producer);
caught_up_ok($node, 'after the broker hung', %oracle);

#
# A standby reads nothing; promoted, it goes on from the positions that it has,
# although the old primary was further.
#
my $standby = PostgreSQL::Test::Cluster->new('standby');
my @manifests;

$rows = events_so_far();
$producer = start_producing(10_000);
wait_for($node, "SELECT count(*) > $rows + 1000 FROM clicks_raw");
$node->backup('running');
$standby->init_from_backup($node, 'running', has_streaming => 1);
$log_of_run{ $standby->name } = -s $standby->logfile || 0;
$standby->start;
push @manifests, $broker->finish_producing($producer);

$rows = events_so_far();
$producer = start_producing(10_000);
wait_for($standby, "SELECT count(*) > $rows + 1000 FROM clicks_raw");
is(oracle_differences($standby, %oracle, manifest => 0),
	'', 'views and positions agree on the standby while it follows');
push @manifests, $broker->finish_producing($producer);

# The standby no longer hears of the primary, which goes on reading.
$standby->safe_psql('postgres', "ALTER SYSTEM SET primary_conninfo = ''");
$standby->reload;
wait_for($standby, 'SELECT count(*) FROM pg_stat_wal_receiver', '0');
$rows = events_so_far();
$producer = start_producing(20_000);
wait_for($node, "SELECT count(*) > $rows + 5000 FROM clicks_raw");
$node->stop('immediate');

is( $standby->safe_psql('postgres', <<'EOQ'),
SELECT pg_is_in_recovery(), count(*) FROM pg_stat_activity
WHERE backend_type LIKE 'stream_agg%'
EOQ
	't|0', 'no worker runs on the standby');
cmp_ok($standby->safe_psql('postgres', 'SELECT count(*) FROM clicks_raw'),
	'<=', $rows, 'which is behind');
unlike(
	slurp_file($standby->logfile, $log_of_run{ $standby->name }),
	qr/starting background worker process "stream_agg/,
	'no worker ever ran there');

$log_start = -s $standby->logfile;
$standby->promote;
$standby->wait_for_log(
	qr/starting background worker process "stream_agg reader/, $log_start);
push @manifests, $broker->finish_producing($producer);
load_manifest($standby, @manifests);
caught_up_ok($standby, 'after the promotion', %oracle);
is($standby->safe_psql('postgres', 'SELECT count(*) FROM stream_agg.gaps'),
	'0', 'without a gap');
is(started_readers($standby, $log_start), 1, 'by one reader');

$standby->stop;
unlike(
	slurp_file($_->logfile, $log_of_run{ $_->name }),
	qr/terminated by signal|TRAP|reinitializing/,
	'no process of ' . $_->name . ' crashed')
  foreach ($node, $standby);
done_testing();
