# The oracle must bite. Two processes that read the same messages are made to
# meet: with the compare-and-swap of positions one of them gives way, and the
# oracle holds; in a library built without it, rows are there twice, and the
# oracle says so.
use strict;
use warnings;

use File::Basename qw(dirname);
use IPC::Run ();
use Test::More;

use KafkaBroker;
use PostgreSQL::Test::Utils;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $stage = $ENV{STREAM_AGG_STAGE};
my $broker = KafkaBroker->shared;
my $topic = $broker->topic_name('clicks');
my $manifest;

# Another installation, as the stage's, with the other library.
sub install_without_check
{
	my $copy = "$PostgreSQL::Test::Utils::tmp_check/pg_negative_control";
	my ($libdir, $bindir) = map { `pg_config --$_` =~ s/\s+$//r } qw(pkglibdir bindir);

	s/^\Q$stage\E\/pg/$copy/ foreach ($libdir, $bindir);
	system_or_bail('cp', '-a', "$stage/pg", $copy);
	system_or_bail('cp', "$stage/test/negative_control/stream_agg.so",
		"$libdir/stream_agg.so");
	return dirname($bindir);
}

# What a second reader does, in SQL: it applies all that is in the topic while
# the first, which has the same messages in hand, waits for a lock.
my $second_reader = <<'EOF';
BEGIN;
--
LOCK TABLE stream_agg_data.clicks_raw IN SHARE MODE;
--
DO $$
BEGIN
	WHILE NOT EXISTS (SELECT FROM pg_locks
					  WHERE relation = 'stream_agg_data.clicks_raw'::regclass
						AND NOT granted)
	LOOP
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;
--
INSERT INTO stream_agg_data.clicks_raw
	(partition, "offset", p, s, user_id, page, amount, event_time)
SELECT partition, "offset", p, s, user_id, page, amount, event_time
FROM manifest;
UPDATE stream_agg.position p SET next_offset = m.next_offset
FROM (SELECT partition, max("offset") + 1 AS next_offset
	  FROM manifest GROUP BY partition) AS m
WHERE p.partition = m.partition;
COMMIT;
EOF

# Lets two readers meet; returns what the oracle finds afterwards.
sub provoke
{
	my ($node) = @_;

	create_events($node, $broker, 'clicks', $topic);
	load_manifest($node, $manifest);
	create_view($node, 'clicks_raw', 'SELECT * FROM clicks WHERE p IS NOT NULL');
	wait_for_views($node, 'clicks_raw');

	# Back to the beginning, with the reader stopped.
	$node->safe_psql('postgres', "SELECT stream_agg.pause('clicks')");
	wait_for($node,
		"SELECT count(*) FROM stream_agg.workers WHERE kind = 'reader'", '0');
	$node->safe_psql('postgres', <<'EOF');
TRUNCATE stream_agg_data.clicks_raw;
UPDATE stream_agg.position SET next_offset = 0;
EOF

	my $out = '';
	my @statements = map { ('-c', $_) } split /^--$/m, $second_reader;
	my $second = IPC::Run::start(
		[
			'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d',
			$node->connstr('postgres'), @statements
		],
		'<', \undef, '>', \$out, '2>&1');
	wait_for($node, <<'EOF');
SELECT count(*) > 0 FROM pg_locks
WHERE relation = 'stream_agg_data.clicks_raw'::regclass AND mode = 'ShareLock'
	AND granted
EOF
	$node->safe_psql('postgres', "SELECT stream_agg.resume('clicks')");
	ok($second->finish, 'the second reader commits') or diag($out);
	wait_for_views($node, 'clicks_raw');
	wait_for($node,
		q{SELECT count(*) FROM pg_locks
		  WHERE relation = 'stream_agg_data.clicks_raw'::regclass
			AND mode = 'RowExclusiveLock'}, '0');
	return oracle_differences($node, stream => 'clicks', raw => 'clicks_raw');
}

$broker->create_topic($topic, 2);
$manifest = $broker->produce($topic, '-n' => 1_000);

my $node = start_node('main');
is(provoke($node), '', 'with the check: each row once');
like(slurp_file($node->logfile), qr/position of reader \d+ .* is no longer/,
	'the first reader gave way');
$node->stop;

$node = start_node('unchecked', install_path => install_without_check());
isnt(provoke($node), '', 'without the check: the oracle finds rows twice');
$node->stop;

done_testing();
