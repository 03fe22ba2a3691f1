# The same topic gives the same result, always: streams that read it in batches of
# one, seven, a thousand and all rows, while it is produced and afterwards, with
# partitions interleaved as it happens, and with workers and servers that end at
# moments nobody has chosen, come to the same tables and the same late rows; so
# does an in-database stream that gets the rows interleaved at random.  And that
# result is what the definition of "late" says, row by row.
#
# Whatever is random here follows from one number, which is in the log; give it
# as STREAM_AGG_SEED to get the same again, as far as the clock is not in it.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use KafkaBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $seed = $ENV{STREAM_AGG_SEED} || time();
srand($seed);
note("STREAM_AGG_SEED=$seed");

my $broker = KafkaBroker->shared;
my $node = start_node('main');
my $topic = $broker->topic_name('events');

# How far rows are out of order, and how much of that is expected: the others
# come late.  A user's rows are all in one partition, those of a page are not.
my $disorder = 20;
my $expected_disorder = 5;
my $stream_options =
  "max_out_of_orderness '$expected_disorder s', idle_timeout '1 day'";

# Aggregates of every way to keep them.  "{order}" and "{then}" stand for what
# has to be said to a query over a table alone: the order of a stream's rows.
# The sum of floating-point numbers is one that needs no rounding.
my $aggregates = <<'EOF';
count(*) AS n, avg(amount) AS mean, sum(s / 8.0::float8) AS eighths,
	max(user_id) AS greatest, last(s, event_time) AS latest,
	count(DISTINCT user_id) AS users, sum(DISTINCT s % 10) FILTER (WHERE s % 2 = 0) AS digits,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY amount) AS median,
	array_agg(s{order}) AS numbers, string_agg(user_id, ' ' ORDER BY s % 7{then}) AS turns
EOF

# What comes of floating-point numbers in general is the same up to rounding.
my $rounded = <<'EOF';
count(*) AS n, round(avg(s / 7.0::float8)::numeric, 9) AS mean,
	round(stddev(s / 7.0::float8)::numeric, 9) AS deviation
EOF

# Views by name: FROM with WHERE, group keys, allowed lateness in seconds and,
# where rows of settled windows are left behind for later, how long what a row
# of a side table stands for is.
my %views = (
	tumbled => {
		from => '{rows}, tumble(event_time, \'10 s\')',
		keys => 'page, window_start, window_end',
		lateness => 4,
		kept => 10
	},
	hopped => {
		from => '{rows}, hop(event_time, \'5 s\', \'15 s\')',
		keys => 'page, window_start, window_end',
		lateness => 0,
		kept => 15
	},
	hopped_late => {
		from => '{rows}, hop(event_time, \'4 s\', \'6 s\')',
		keys => 'window_start, window_end',
		lateness => 3,
		kept => 6
	},
	cumulated => {
		from => '{rows}, cumulate(event_time, \'4 s\', \'12 s\')',
		where => 's % 11 > 0',
		keys => 'page, window_start, window_end',
		lateness => 3,
		kept => 12
	},
	sessions => {
		from => '{rows}, session(event_time, \'2 s\')',
		keys => 'user_id, window_start, window_end',
		lateness => 6
	},
	rounded => {
		aggregates => $rounded,
		from => '{rows}, tumble(event_time, \'10 s\')',
		keys => 'page, window_start, window_end',
		lateness => 0
	},
	running => { from => '{rows}', keys => 'page' },
	alone => { from => '{rows}', keys => '' });

sub query { return $node->safe_psql('postgres', @_); }

# The query of a view: over a stream; or over a table with the order and the
# condition that a table needs.
sub defining_query
{
	my ($view, $rows, $in_time) = @_;
	my %v = %{ $views{$view} };
	my @conditions = grep { defined } $v{where}, $in_time;
	my $query = 'SELECT ' . ($v{keys} && "$v{keys}, ")
	  . ($v{aggregates} || $aggregates) . "FROM $v{from}";

	$query .= ' WHERE ' . join(' AND ', @conditions) if @conditions;
	$query .= " GROUP BY $v{keys}" if $v{keys};
	$query =~ s/\{rows\}/$rows/;
	$query =~ s/\{order\}/$in_time ? ' ORDER BY "offset", partition' : ''/e;
	$query =~ s/\{then\}/$in_time ? ', "offset", partition' : ''/e;
	return $query;
}

# Creates a stream with all views, in one transaction, so that they have one
# reader from the start.
sub create_stream
{
	my ($stream, $server, $options) = @_;
	my $sql = <<EOF;
BEGIN;
CREATE FOREIGN TABLE $stream (
	partition int OPTIONS (metadata 'partition'), "offset" bigint OPTIONS (metadata 'offset'),
	p bigint, s bigint, user_id text, page text, amount numeric, event_time timestamptz
) SERVER $server OPTIONS (event_time 'event_time', $stream_options, $options);
CREATE MATERIALIZED VIEW ${stream}_raw WITH (stream_agg.continuous) AS SELECT * FROM $stream;
EOF
	foreach my $view (sort keys %views)
	{
		my $lateness = $views{$view}{lateness};
		my $option =
		  $lateness ? ", stream_agg.allowed_lateness = '$lateness s'" : '';
		$sql .= "CREATE MATERIALIZED VIEW ${stream}_$view WITH (stream_agg.continuous$option) AS "
		  . defining_query($view, $stream) . ";\n";
	}
	query("$sql COMMIT;");
	return;
}

# Options of sa_producer for the next so many events, in small pieces.
sub next_pieces
{
	my ($count, @more) = @_;
	return next_events(
		$count,
		'--seed' => $seed,
		'--keys' => 25,
		'--pages' => 4,
		'--by-key',
		'--step-us' => 100_000,
		'--disorder' => $disorder,
		'-X' => 'batch.num.messages=20',
		@more);
}

# Inserts what the in-database stream does not have yet: the order of each
# partition is kept, and that is all.
sub insert_interleaved
{
	my $random = rand();

	query(<<EOF);
SELECT setseed($random);
INSERT INTO inserted (partition, p, s, user_id, page, amount, event_time)
SELECT partition, p, s, user_id, page, amount, event_time
FROM (SELECT *, sum(random() ^ 3) OVER (PARTITION BY partition ORDER BY "offset") AS place
	  FROM manifest m
	  WHERE NOT EXISTS (SELECT FROM inserted_raw r WHERE r.partition = m.partition AND r."offset" = m."offset")) AS m
ORDER BY place, "offset";
EOF
	return;
}

# The tables beside the data table of a view, without the view's name: panes,
# kept_1, …
sub side_tables
{
	my ($view) = @_;
	return split(/\n/, query(<<EOF));
SELECT substr(relname, length('$view') + 2) FROM stream_agg.continuous_view,
	unnest(kept || CASE WHEN panes <> 0 THEN ARRAY[panes] END) AS t (oid) JOIN pg_class c ON c.oid = t.oid
WHERE view = '$view'::regclass ORDER BY 1
EOF
}

# All that must be the same for every stream: name => query, in which "{stream}"
# stands for the stream.  Rows are compared as text, with every digit.
sub outcome_queries
{
	my ($reference) = @_;
	my %queries = (
		raw => 'SELECT x::text FROM {stream}_raw AS x',
		late => <<'EOF',
SELECT replace(view::text, '{stream}_', ''), partition, "offset", event_time, window_start, window_end, watermark, row_data
FROM stream_agg.late_rows WHERE stream = '{stream}'::regclass
EOF
		counters => <<'EOF',
SELECT replace(view::text, '{stream}_', ''), watermark, rows_in, rows_late, rows_dead, open_windows
FROM stream_agg.views WHERE stream = '{stream}'::regclass
EOF
		partitions => <<'EOF'
SELECT partition, next_offset, watermark FROM stream_agg.partitions WHERE stream = '{stream}'::regclass
EOF
	);

	foreach my $view (sort keys %views)
	{
		my %v = %{ $views{$view} };

		$queries{$view} = "SELECT x::text FROM {stream}_$view AS x";
		next if $v{aggregates};    # the states behind it are not rounded
		$queries{"data of $view"} =
		  "SELECT to_jsonb(x) - 'due_at' FROM stream_agg_data.{stream}_$view AS x";
		foreach my $table (side_tables("${reference}_$view"))
		{
			my $at = $table eq 'panes' ? 'pane_start' : 'at';
			my $query = "SELECT x::text FROM stream_agg_data.{stream}_${view}_$table AS x";

			# What settled windows leave behind goes bit by bit.
			$query .= " WHERE $at + '$v{kept} s'::interval + '$v{lateness} s'::interval"
			  . " > stream_agg.watermark('{stream}_$view')"
			  if $v{kept};
			$queries{"$table of $view"} = $query;
		}
	}
	return %queries;
}

# Passes if the streams hold the same as the first of them.
sub same_outcome
{
	my ($name, $reference, @streams) = @_;
	my %queries = outcome_queries($reference);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	foreach my $what (sort keys %queries)
	{
		my $expected = $queries{$what} =~ s/\{stream\}/$reference/gr;
		my @differences = map {
			"SELECT '$_' AS stream, d.* FROM ("
			  . difference($queries{$what} =~ s/\{stream\}/$_/gr, $expected)
			  . ') AS d'
		} @streams;

		is(query(join(' UNION ALL ', @differences)),
			'', "$name: $what, the same in all streams");
	}
	return;
}

# Passes if a stream holds what follows from the manifest: windows, the rows
# that count in them and the late ones as they are defined.
sub outcome_ok
{
	my ($name, $stream) = @_;
	my $watermark = 'SELECT min(greatest) FROM (SELECT max(event_time) - '
	  . "'$expected_disorder s'::interval AS greatest FROM manifest GROUP BY partition) AS w";

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	foreach my $view (grep { $_ ne 'sessions' } sort keys %views)
	{
		my %v = %{ $views{$view} };
		my $windowed = $v{keys} =~ /window/;
		my $in_time = $windowed
		  ? "coalesce(watermark_before < window_end + '$v{lateness} s'::interval, true)"
		  : 'true';
		my $batch = defining_query($view, 'measured', $in_time);

		$batch = "SELECT b.*, window_end <= ($watermark) FROM ($batch) AS b"
		  if $windowed;
		same_rows($node, "SELECT x::text FROM ${stream}_$view AS x",
			"SELECT x::text FROM ($batch) AS x",
			"$name: $view of $stream as a query says");
		next unless $windowed;

		my $where = $v{where} || 'true';
		my $from = $v{from} =~ s/\{rows\}/measured/r;
		same_rows($node,
			<<EOF,
SELECT partition, "offset", max(window_end), max(watermark)
FROM stream_agg.late_rows WHERE view = '${stream}_$view'::regclass GROUP BY partition, "offset"
EOF
			<<EOF,
SELECT partition, "offset", max(window_end), max(watermark_before)
FROM $from WHERE $where GROUP BY partition, "offset" HAVING NOT bool_or($in_time)
EOF
			"$name: late rows of ${stream}_$view as a query says");
	}
	sessions_ok($name, $stream);
	return;
}

# The same for sessions, which no query gives: row by row, in microseconds.
sub sessions_ok
{
	my ($name, $stream) = @_;
	my ($gap, $lateness) = (2_000_000, 1_000_000 * $views{sessions}{lateness});
	my %sessions;
	my @late;

	foreach my $row (split /\n/, query(<<'EOF'))
SELECT partition, "offset", user_id, s, extract(epoch FROM event_time)::numeric * 1000000,
	coalesce(extract(epoch FROM watermark_before)::numeric * 1000000, 0)
FROM measured ORDER BY partition, "offset"
EOF
	{
		my ($partition, $offset, $user, $s, $at, $watermark) = split /\|/, $row;
		my $new = { start => $at, end => $at + $gap, n => 1, sum => $s };
		my (@joined, @others);

		foreach my $session (@{ $sessions{$user} })
		{
			if ($session->{start} <= $at + $gap && $session->{end} >= $at)
			{
				push @joined, $session;
			}
			else
			{
				push @others, $session;
			}
		}
		foreach my $session (@joined)
		{
			$new->{start} = $session->{start} if $session->{start} < $new->{start};
			$new->{end} = $session->{end} if $session->{end} > $new->{end};
			$new->{n} += $session->{n};
			$new->{sum} += $session->{sum};
		}
		if (grep { $watermark > $_->{end} + $lateness } (@joined ? @joined : $new))
		{
			push @late, "$partition|$offset";
		}
		else
		{
			$sessions{$user} = [ @others, $new ];
		}
	}

	my @expected;
	foreach my $user (keys %sessions)
	{
		push @expected, map { sprintf('%s|%d|%d|%d|%d', $user, @$_{qw(start end n sum)}) }
		  @{ $sessions{$user} };
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is( query(<<EOF), join("\n", sort @expected), "$name: sessions of $stream, row by row");
SELECT user_id, (extract(epoch FROM window_start) * 1000000)::bigint, (extract(epoch FROM window_end) * 1000000)::bigint,
	n, (SELECT sum(number) FROM unnest(numbers) AS number)
FROM ${stream}_sessions ORDER BY concat_ws('|', user_id, (extract(epoch FROM window_start) * 1000000)::bigint) COLLATE "C"
EOF
	is( query(<<EOF), join("\n", @late), "$name: late rows of sessions of $stream, row by row");
SELECT partition, "offset" FROM stream_agg.late_rows WHERE view = '${stream}_sessions'::regclass ORDER BY 1, 2
EOF
	return;
}

# The readers that run now, by process id; of one stream, or of any.
sub reader_pids
{
	my ($stream) = @_;
	my $which = $stream ? "AND stream = '$stream'::regclass" : '';

	return split /\n/, query(<<EOF);
SELECT pid FROM stream_agg.workers JOIN stream_agg.reader r USING (reader)
WHERE kind = 'reader' AND pid IS NOT NULL $which
EOF
}

# Kills one of the readers, and so the server's other processes.
sub kill_some_reader
{
	my @pids = reader_pids() or return;
	my $pid = $pids[ rand @pids ];

	kill('KILL', $pid);
	wait_for($node, "SELECT NOT EXISTS (SELECT FROM stream_agg.workers WHERE pid = $pid)");
	return;
}

# How many rows the largest batch had: each is one transaction.
sub largest_batch
{
	my ($stream) = @_;
	return query("SELECT max(count) FROM (SELECT count(*) FROM stream_agg_data.${stream}_raw GROUP BY xmin::text) AS c");
}

# For the log: how often the next row was one of another partition.
sub note_interleaving
{
	foreach my $stream (@_)
	{
		note("$stream: changes of partition: " . query(<<EOF));
SELECT count(*) FROM (SELECT partition <> lag(partition) OVER (ORDER BY ctid) AS changes
	FROM stream_agg_data.${stream}_raw) AS r
WHERE changes
EOF
	}
	return;
}

my $bootstrap = $broker->bootstrap;
query(<<EOF);
CREATE SERVER kafka FOREIGN DATA WRAPPER stream_agg OPTIONS (bootstrap_servers '$bootstrap');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
CREATE SERVER kafka_in_bits FOREIGN DATA WRAPPER stream_agg
	OPTIONS (bootstrap_servers '$bootstrap', fetch_message_max_bytes '1024', fetch_max_bytes '1000000');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka_in_bits;
CREATE SERVER local FOREIGN DATA WRAPPER stream_agg;
EOF

# The first rows are there before anybody reads: a partition's very first message
# that comes after others moved on is outside of the promise.
$broker->create_topic($topic, 3);
load_manifest($node, $broker->produce($topic, next_pieces(30)));
query(<<EOF);
CREATE VIEW measured AS
SELECT *, max(event_time) OVER (PARTITION BY partition ORDER BY "offset" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
	- '$expected_disorder s'::interval AS watermark_before FROM manifest;
EOF
is(query('SELECT count(DISTINCT partition) FROM manifest'), '3', 'every partition has begun');

# One stream reads while rows are produced; the others come afterwards.
my $in_topic = "topic '$topic', format 'json'";
create_stream('live', 'kafka', "$in_topic, flush_interval '10 ms'");
load_manifest($node, $broker->produce($topic, next_pieces(570, '--late-every' => 50, '--rate' => 1000)));
create_stream('ones', 'kafka', "$in_topic, batch_rows '1'");
create_stream('sevens', 'kafka_in_bits', "$in_topic, batch_rows '7'");
create_stream('thousands', 'kafka', "$in_topic, batch_rows '1000'");
create_stream('whole', 'kafka', "$in_topic, batch_rows '100000'");
create_stream('inserted', 'local', "partitions '3', batch_rows '20'");
insert_interleaved();
my @kafka = qw(whole live ones sevens thousands);
wait_for_views($node, @kafka);
is(largest_batch('ones'), '1', 'batches of one row');
cmp_ok(largest_batch('sevens'), '<=', 7, 'batches of seven rows');
cmp_ok(query("SELECT min(rows_late) FROM stream_agg.views WHERE view::text ~ '_(tumbled|hopped|hopped_late|cumulated|sessions)'"),
	'>', 0, 'rows are late for each kind of window');
cmp_ok(query('SELECT max(revision) FROM stream_agg_data.whole_tumbled'),
	'>', 0, 'and late, but allowed');
is( query(<<EOF), 't|t', 'windows are settled, and open');
SELECT bool_or(rows_kept IS NULL), bool_or(NOT is_final)
FROM stream_agg_data.whole_tumbled
EOF
outcome_ok('first part', 'whole');
same_outcome('first part', @kafka, 'inserted');

# Now one while the server is whole, and the others while it is not.  Batches of
# one row would take too long.
query("SELECT stream_agg.pause('$_')") foreach qw(whole ones sevens thousands);
query("ALTER FOREIGN TABLE ones OPTIONS (SET batch_rows '40')");
my $producer = $broker->start_producing($topic, next_pieces(2500, '--late-every' => 50, '--rate' => 1250));
sleep(0.2 + rand(0.6));
query("SELECT pg_terminate_backend($_)") foreach reader_pids('live');
load_manifest($node, $broker->finish_producing($producer));
query("SELECT stream_agg.resume('$_')") foreach qw(sevens ones thousands whole);
foreach my $round (1 .. 3)
{
	sleep(rand(0.5));
	kill_some_reader();
}
sleep(rand(0.5));
query("SELECT pg_terminate_backend($_)") foreach reader_pids();
sleep(rand(0.5));
$node->restart;
note('rows read by then: ' . query(<<EOF));
SELECT string_agg(stream || ' ' || n, ', ')
FROM (SELECT stream, sum(next_offset) AS n FROM stream_agg.partitions GROUP BY stream) AS p
EOF
insert_interleaved();
wait_for_views($node, @kafka);
cmp_ok(largest_batch('sevens'), '<=', 7, 'still batches of seven rows');
note_interleaving(@kafka, 'inserted');
outcome_ok('at the end', 'whole');
same_outcome('at the end', @kafka, 'inserted');

$node->stop;
done_testing();
