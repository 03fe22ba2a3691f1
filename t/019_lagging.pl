# A reader that lags takes batches of several chunks and holds groups in memory
# meanwhile.  What comes of that is what comes of one chunk, and of an in-database
# stream with the same rows: in all kinds of windows, with rows that are late for
# some windows or all of them, with rows that can't be used, and whatever ends the
# reader on the way.
#
# All messages are in their topics before anybody reads.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use KafkaBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $chunk = 500;

# A multiple of the chunk: nothing is left behind the last full one.
my $rows = 60_000;
my $broker = KafkaBroker->shared;
my $node = start_node('main');
my $topic = $broker->topic_name('events');
my $short_topic = $broker->topic_name('short');
my $short_rows = 12_000;
my $zero = 7_000;
my $malformed = 9_000;

plan skip_all => 'needs a build with -DSTREAM_AGG_FAULTS'
  if $node->safe_psql('postgres',
	"SELECT count(*) FROM pg_settings WHERE name = 'stream_agg.chunk_rows'") eq '0';

srand(19);

sub query { return $node->safe_psql('postgres', @_); }

# ---- What is in the topics ----

# The time of so many seconds after the first, as text.
sub at
{
	my ($s) = @_;
	return sprintf '2025-03-01T%02d:%02d:%06.3fZ', $s / 3600, $s / 60 % 60, $s - 60 * int($s / 60);
}

# Rows by partition: [user, page, i, x, f, time].  A user's rows, and those of
# nobody, are in one partition.  They are less out of order than expected, but for
# some of those in bursts, and for a few more: late for all windows or only for some.
sub make_rows
{
	my @parts = ([], [], []);

	foreach my $n (0 .. $rows - 1)
	{
		my $user = int(rand(30));
		my $part = $parts[ $user % 3 ];
		my $in_part = @$part;
		my $late = $in_part % 6_000 > 5_500 ? rand() < 0.1 : rand() < 0.0005;
		my $time = 100 + $n / 30 - rand(4.9) - ($late ? 5 + rand(30) : 0);

		push @$part,
		  [ $user ? "user $user" : undef, rand() < 0.1 ? undef : 'page ' . int(rand(4)),
			$n, int(rand(100_000)) / 100, int(rand(1000)) / 8, at($time) ];
	}
	return @parts;
}

sub message
{
	my ($partition, @fields) = @_;
	my @names = qw(user_id page i x f event_time);
	my @json;

	foreach my $field (@fields)
	{
		my $name = shift @names;
		push @json, qq("$name": ) . ($field =~ /^[\d.]+$/ ? $field : qq("$field"))
		  if defined $field;
	}
	return "$partition\t\\N\t{" . join(', ', @json) . '}';
}

# Rows of one partition; one of them leads to a division by zero, and one is
# malformed.  From 5000 on, every 400th is late.
sub short_message
{
	my ($n) = @_;
	my $late = $n > 5_000 && $n % 400 == 0;

	return qq(0\t\\N\t{"n": ) if $n == $malformed;
	return sprintf qq(0\t\\N\t{"n": %d, "d": %d, "event_time": "%s"}),
	  $n, $n != $zero, at($n / 10 + 100 - ($late ? 60 : 0));
}

# ---- Streams and views ----

# Aggregates of which groups can be held.
my $aggregates = <<'END';
count(*) AS n, avg(x) AS mean, sum(f) AS eighths, max(user_id) AS greatest, min(page) AS least,
	sum(i) AS total, avg(i) AS middle, last(i, event_time) AS latest,
	count(*) FILTER (WHERE i % 3 = 0) AS thirds
END

# Keys that are equal and look different, of types of any length, and the user, of whom
# all rows are in one partition: the first row's look is the group's.
my $lookalikes = join ', ', 'user_id', 'page::name', 'rpad(page, 9)::char(10)', 'repeat(page, 60)',
  'numeric_add(round(x / 200), CASE i % 2 WHEN 0 THEN 0.0 ELSE 0.000 END)',
  'make_interval(days => i % 2, hours => 24 * (1 - i % 2))', 'f * 0 * (i % 2 - 0.5)';

# Options, FROM and keys of views by name.
my %views = (
	tumbled => [ '', q{, tumble(event_time, '10 s')}, 'page, window_start, window_end' ],
	tumbled_late => [ q{allowed_lateness = '4 s'}, q{, tumble(event_time, '10 s')},
		'user_id, window_start, window_end' ],
	hopped => [ '', q{, hop(event_time, '5 s', '15 s')}, 'page, window_start, window_end' ],
	hopped_late => [ q{allowed_lateness = '3 s'}, q{, hop(event_time, '4 s', '6 s')},
		'window_start, window_end' ],
	hopped_with_gaps => [ q{allowed_lateness = '3 s'}, q{, hop(event_time, '10 s', '7 s')},
		'window_start, window_end, f > 60' ],
	cumulated => [ q{allowed_lateness = '3 s', stream_agg.late = 'drop'},
		q{, cumulate(event_time, '4 s', '12 s')}, 'page, window_start, window_end' ],
	finals => [ q{emit = 'final'}, q{, tumble(event_time, '10 s')},
		'page, window_start, window_end HAVING count(*) > 20' ],
	ranged => [ '', q{ JOIN levels l ON x >= low AND x < high, tumble(event_time, '10 s')},
		'l.name, window_start, window_end' ],
	running => [ '', '', 'user_id, page' ],
	lookalikes => [ '', '', $lookalikes ],
	sessions => [ '', q{, session(event_time, '2 s')}, 'user_id, window_start, window_end' ],
	sessions_late => [ q{allowed_lateness = '6 s'}, q{, session(event_time, '2 s')},
		'user_id, window_start, window_end' ],
	hashed => [ '', q{ JOIN pages p USING (page), tumble(event_time, '10 s')},
		'p.name, window_start, window_end' ],
	distincts => [ q{allowed_lateness = '4 s'}, q{, tumble(event_time, '10 s')},
		'page, window_start, window_end' ],
	expiring => [ q{state_ttl = '30 s'}, '', 'user_id, i % 200' ],
	alone => [ '', '', '' ]);

# Groups of these can be held from chunk to chunk, …
my @held = qw(tumbled tumbled_late hopped hopped_late hopped_with_gaps cumulated finals ranged
  running lookalikes);

# … of these as long as no row is behind its watermark, …
my @sessions = qw(sessions sessions_late tumbled);

# … and of some of these never, so that all chunks are large.
my @mixed = qw(hashed distincts expiring alone tumbled_late hopped sessions_late);

sub view_sql
{
	my ($stream, $view, $name) = @_;
	my ($option, $from, $keys) = @{ $views{$view} };
	my $select = $keys =~ s/ HAVING .*//r;
	my $having = $keys =~ s/.*?( HAVING .*|$)/$1/r;
	my $distinct = $view eq 'distincts' ? <<'END' : '';
, count(DISTINCT user_id) AS users, percentile_cont(0.5) WITHIN GROUP (ORDER BY x) AS median
END

	$option = ", stream_agg.$option" if $option;
	return "CREATE MATERIALIZED VIEW ${stream}_"
	  . ($name || $view)
	  . " WITH (stream_agg.continuous$option) AS SELECT "
	  . ($select && "$select, ")
	  . "$aggregates$distinct FROM $stream$from"
	  . ($select && " GROUP BY $select")
	  . "$having;\n";
}

# Creates a stream with a load and the views, in one transaction, so that they
# have one reader from the start.  The load tells what was one batch.
sub create_stream
{
	my ($stream, $server, $options, @names) = @_;

	query(<<EOQ . join('', map { view_sql($stream, $_) } @names) . 'COMMIT;');
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE FOREIGN TABLE $stream (
	partition int OPTIONS (metadata 'partition'), "offset" bigint OPTIONS (metadata 'offset'),
	user_id text, page text, i int, x numeric, f float8, event_time timestamptz
) SERVER $server OPTIONS (topic '$topic', event_time 'event_time', max_out_of_orderness '5 s',
	idle_timeout '1 day', $options);
CREATE MATERIALIZED VIEW ${stream}_raw WITH (stream_agg.continuous) AS
	SELECT *, pg_current_xact_id()::text AS batch FROM $stream;
EOQ
	return;
}

sub drop_stream
{
	my ($stream) = @_;
	query("SET client_min_messages = warning; DROP FOREIGN TABLE $stream CASCADE");
	return;
}

# A stream of short messages, with a load and a view of each kind that is needed;
# more views as SQL.
sub create_short_stream
{
	my ($stream, $options, $more) = @_;

	query(<<EOQ);
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE FOREIGN TABLE $stream (n int, d int, "offset" bigint OPTIONS (metadata 'offset'),
	event_time timestamptz)
	SERVER kafka OPTIONS (topic '$short_topic', event_time 'event_time', batch_rows '$chunk'$options);
CREATE MATERIALIZED VIEW ${stream}_counts WITH (stream_agg.continuous) AS
	SELECT window_start, window_end, count(*) AS c, sum(n) AS s, avg(n) AS mean
	FROM $stream, tumble(event_time, '10 s') GROUP BY window_start, window_end;
CREATE MATERIALIZED VIEW ${stream}_raw WITH (stream_agg.continuous) AS
	SELECT *, pg_current_xact_id()::text AS batch FROM $stream;
$more
COMMIT;
EOQ
	return;
}

# Passes if a stream of short messages has all that it can use, once.
sub short_stream_ok
{
	my ($name, $stream, @missing) = @_;
	my $list = join(', ', @missing);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	same_rows($node, "SELECT n, \"offset\" FROM ${stream}_raw",
		"SELECT n, n::bigint FROM generate_series(0, $short_rows - 1) AS n WHERE n NOT IN ($list)",
		"$name: all rows are there, once");
	same_rows($node, "SELECT window_start, c, s, mean FROM ${stream}_counts",
		<<EOQ, "$name: and counted");
SELECT window_start, count(*), sum(n), avg(n) FROM ${stream}_raw, tumble(event_time, '10 s')
WHERE n <= 5000 OR n % 400 > 0 GROUP BY window_start
EOQ
	return;
}

# Waits until a stream's views hold all that is in the topic.
sub wait_for_stream
{
	my ($stream) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(query("SELECT stream_agg.wait('$stream', '60 s')"), 't', "$stream has caught up");
}

# ---- Comparing ----

# Sizes of a stream's batches, in their order.
sub sizes
{
	my ($stream) = @_;
	return split /\n/,
	  query("SELECT count(*) FROM ${stream}_raw GROUP BY batch ORDER BY min(batch::bigint)");
}

# Passes if a view holds the same as the view of the same kind of another stream:
# what the user sees, the table behind it with its states, late rows and counts.
sub same_view
{
	my ($view, $other, $name) = @_;
	my %queries = (
		rows => 'SELECT v::text FROM {view} AS v',
		late => <<'EOQ',
SELECT partition, "offset", event_time, window_start, window_end, watermark,
	row_data - '{partition,offset}'::text[]
FROM stream_agg.late_rows WHERE view = '{view}'::regclass
EOQ
		counts => <<'EOQ');
SELECT watermark, rows_in, rows_late, rows_dead, open_windows
FROM stream_agg.views WHERE view = '{view}'::regclass
EOQ

	# when exactly an expired group is removed is a matter of batches
	$queries{data} = q{SELECT to_jsonb(d) - 'due_at' FROM stream_agg_data.{view} AS d}
	  unless $view =~ /expiring/;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	foreach my $what (sort keys %queries)
	{
		same_rows($node,
			$queries{$what} =~ s/\{view\}/$view/gr,
			$queries{$what} =~ s/\{view\}/$other/gr,
			"$name: $what of $view as of $other");
	}
	return;
}

# Passes if a stream has read all rows once, and its views hold the same as those
# of the other.
sub same_streams
{
	my ($name, $stream, $other, @names) = @_;
	my $columns = 'partition, "offset", user_id, page, i, x, f, event_time';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	same_rows($node, "SELECT $columns FROM ${stream}_raw",
		"SELECT $columns FROM sent", "$name: all rows are there, once");
	same_view("${stream}_$_", "${other}_$_", $name) foreach @names;
	return;
}

# ---- The same as without chunks ----

my $bootstrap = $broker->bootstrap;
my @parts = make_rows();
my $sent = "$PostgreSQL::Test::Utils::tmp_check/lagging_rows";
my @messages;

$broker->create_topic($topic, 3);
open(my $file, '>', $sent) or die "could not write $sent: $!";
foreach my $partition (0 .. 2)
{
	foreach my $offset (0 .. $#{ $parts[$partition] })
	{
		my @fields = @{ $parts[$partition][$offset] };

		print $file join("\t", $partition, $offset, map { defined $_ ? $_ : '\N' } @fields), "\n";
	}
}
close($file);
foreach my $n (0 .. $rows - 1)
{
	foreach my $partition (grep { $n < @{ $parts[$_] } } 0 .. 2)
	{
		push @messages, message($partition, @{ $parts[$partition][$n] });
	}
}
$broker->produce_lines($topic, @messages);
query(<<EOQ);
CREATE SERVER kafka FOREIGN DATA WRAPPER stream_agg OPTIONS (bootstrap_servers '$bootstrap');
CREATE SERVER local FOREIGN DATA WRAPPER stream_agg;
CREATE TABLE sent (partition int, "offset" bigint, user_id text, page text, i int, x numeric,
	f float8, event_time timestamptz);
COPY sent FROM '$sent';
CREATE TABLE levels AS SELECT 'level ' || n % 7 AS name, n * 50 AS low, n * 50 + 60 AS high
	FROM generate_series(0, 19) AS n;
CREATE TABLE pages AS SELECT 'page ' || n AS page, 'name ' || n % 3 AS name
	FROM generate_series(1, 6) AS n;
ANALYZE levels, pages;
EOQ

my %all = map { $_ => 1 } @held, @sessions, @mixed;
my @all = sort keys %all;
create_stream('whole', 'kafka', q{batch_rows '100000'}, @all);
create_stream('inserted', 'local', q{partitions '3'}, @all);

# With less memory, groups come from a sort, with any of their looks.
query(<<'EOQ');
SET work_mem = '48MB';
SELECT setseed(0.19);
INSERT INTO inserted (partition, user_id, page, i, x, f, event_time)
SELECT partition, user_id, page, i, x, f, event_time
FROM (SELECT *, sum(random() ^ 3) OVER (PARTITION BY partition ORDER BY "offset") AS place
	  FROM sent) AS s
ORDER BY place;
EOQ
wait_for_stream('whole');
same_streams('one chunk or inserted', 'whole', 'inserted', @all);
cmp_ok(query('SELECT min(rows_late) FROM stream_agg.views WHERE open_windows IS NOT NULL'),
	'>', 0, 'rows are late for each kind of window');
cmp_ok(query('SELECT max(revision) FROM stream_agg_data.whole_tumbled_late'),
	'>', 0, 'and late, but allowed');
drop_stream('inserted');

# From here on chunks are small, and batches grow.
query("ALTER SYSTEM SET stream_agg.chunk_rows = $chunk");
query('SELECT pg_reload_conf()');
wait_for($node, 'SHOW stream_agg.chunk_rows', $chunk);

# Takes a stream that has lagged; returns the sizes of its batches.
sub lag
{
	my ($stream, @names) = @_;

	create_stream($stream, 'kafka', "batch_rows '$chunk'", @names);
	wait_for_stream($stream);
	note("$stream: batches of ", join(' ', sizes($stream)));
	return sort { $b <=> $a } sizes($stream);
}

my ($largest) = lag('held', @held);
cmp_ok($largest, '>', 8 * $chunk, 'a batch of many chunks, whose groups all views hold');
same_streams('held', 'held', 'whole', @held);
is( query(<<'EOQ'), "f|f\nt|t", 'states of settled windows are gone, those of open ones are there');
SELECT DISTINCT NOT is_final, jsonb_path_exists(
	to_jsonb(d) - ARRAY['page', 'window_start', 'window_end', 'n', 'mean', 'eighths', 'greatest',
		'least', 'total', 'middle', 'latest', 'thirds', 'is_final', 'revision'], '$.* ? (@ != null)')
FROM stream_agg_data.held_tumbled AS d ORDER BY 1
EOQ

($largest) = lag('sessions', @sessions);
cmp_ok($largest, '>', 4 * $chunk, 'and of many chunks with sessions');
same_streams('sessions', 'sessions', 'whole', @sessions);

($largest) = lag('mixed', @mixed);
cmp_ok($largest, '<=', 4 * $chunk, 'a batch of one large chunk, where one view can hold nothing');
cmp_ok($largest, '>', $chunk, 'which is larger than usual');
same_streams('mixed', 'mixed', 'whole', @mixed);
drop_stream($_) foreach qw(sessions mixed);

# ---- A view that comes later ----

query('SET client_min_messages = warning; '
	. view_sql('held', 'hopped_late', 'second') . view_sql('held', 'tumbled_late', 'third'));
wait_for_views($node, 'held_second', 'held_third');
wait_for($node,
	q{SELECT count(DISTINCT reader) FROM stream_agg.views WHERE stream = 'held'::regclass}, '1');
same_view('held_second', 'whole_hopped_late', 'joined');
same_view('held_third', 'whole_tumbled_late', 'joined');
drop_stream('held');
query(q{SELECT stream_agg.pause('whole')});

# ---- Readers that end on the way ----

my @crashing = qw(tumbled_late hopped running);

# A reader that lags is killed when it passes the point for the n-th time.
sub crash_at
{
	my ($point, $nth) = @_;
	my $done = $node->data_dir . "/stream_agg.fault.$point.done";

	query("ALTER SYSTEM SET stream_agg.fault = '$point:kill\@$nth'");
	$node->reload;
	create_stream('crash', 'kafka', "batch_rows '$chunk'", @crashing);
	for (my $i = 0; $i < 600 && !-e $done; $i++)
	{
		sleep(0.05);
	}
	ok(-e $done, "killed at $point, time $nth");
	wait_for($node, 'SELECT true');
	note('rows read by then: ' . query('SELECT count(*) FROM crash_raw'));
	wait_for_stream('crash');
	same_streams("killed at $point", 'crash', 'whole', @crashing);
	drop_stream('crash');
	return;
}

{
	# Four views.  The first batch with rows has one chunk, the second eight; there may
	# be an empty one before them.
	crash_at('view_merged', 22);
	crash_at('before_positions', 3);
	crash_at('before_commit', 3);
	crash_at('after_commit', 3);
	query('ALTER SYSTEM RESET stream_agg.fault');
	$node->reload;
}

# One that is told to end while its load waits in the midst of a chunk.
$broker->create_topic($short_topic, 1);
$broker->produce_lines($short_topic, map { short_message($_) } 0 .. $short_rows - 1);
query('CREATE TABLE gate AS SELECT 1');
create_short_stream('told', '', <<'EOQ');
CREATE MATERIALIZED VIEW told_slowly WITH (stream_agg.continuous) AS SELECT n FROM told
WHERE pg_sleep(CASE WHEN n = 3800 AND EXISTS (SELECT FROM gate) THEN 100 ELSE 0 END) IS NOT NULL;
EOQ
my $told = q{SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'};
wait_for($node, "SELECT count(*) FROM ($told) AS t", '1');
cmp_ok(query(q{SELECT next_offset FROM stream_agg.partitions WHERE stream = 'told'::regclass}),
	'<', 3800 - 2 * $chunk, 'a reader is in a batch of several chunks');
query("DELETE FROM gate; SELECT pg_terminate_backend(pid) FROM ($told) AS t");
wait_for_stream('told');
short_stream_ok('told to end', 'told', $malformed);
drop_stream('told');

# ---- Rows that can't be used ----

sub quotients
{
	my ($stream) = @_;
	return <<EOQ;
CREATE MATERIALIZED VIEW ${stream}_quotients WITH (stream_agg.continuous) AS
	SELECT n % 10 AS digit, count(*) AS c, sum(n / d) AS s FROM $stream GROUP BY 1;
EOQ
}

sub quotients_ok
{
	my ($name, $stream) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return same_rows($node, "SELECT digit, c, s FROM ${stream}_quotients",
		"SELECT n % 10, count(*), sum(n) FROM ${stream}_raw WHERE d > 0 GROUP BY 1",
		"$name: and divided");
}

create_short_stream('bad', '', quotients('bad'));
wait_for_stream('bad');
my @sizes = sizes('bad');
note("bad: batches of @sizes");
cmp_ok($sizes[1], '>', $chunk, 'a batch of many chunks');
is($sizes[2], $chunk, 'the next one failed, and was read again with care');
short_stream_ok('bad rows', 'bad', $malformed);
quotients_ok('bad rows', 'bad');
is( query(<<'EOQ'), "$zero|bad_quotients|22012\n$malformed||22P02", 'dead letters');
SELECT "offset", view, sqlstate FROM stream_agg.dead_letters
WHERE stream = 'bad'::regclass ORDER BY 1
EOQ
is( query(<<'EOQ'), "bad_counts|1\nbad_quotients|2\nbad_raw|1", 'and their numbers');
SELECT view, rows_dead FROM stream_agg.views WHERE stream = 'bad'::regclass ORDER BY view::text
EOQ

# The same where the partition has to stop.
sub stops_at
{
	my ($offset, $reason) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_for($node, <<'EOQ', "$offset|offset $offset: $reason");
SELECT next_offset, error FROM stream_agg.partitions
WHERE stream = 'stopped'::regclass AND error IS NOT NULL
EOQ
	is( query(<<'EOQ'), ($offset - 1) . "|$offset", "the partition stops at offset $offset");
SELECT max("offset"),
	count(*) + (SELECT count(*) FROM stream_agg.gaps WHERE stream = 'stopped'::regclass)
FROM stopped_raw
EOQ
	quotients_ok("stopped at offset $offset", 'stopped');
	query("SELECT stream_agg.skip('stopped', 0, $offset + 1)");
	return;
}

create_short_stream('stopped', q{, on_error 'stop'}, quotients('stopped'));
stops_at($zero, 'division by zero');
stops_at($malformed, 'invalid input syntax for type json');
wait_for_stream('stopped');
note('stopped: batches of ', join(' ', sizes('stopped')));
short_stream_ok('skipped', 'stopped', $zero, $malformed);
quotients_ok('skipped', 'stopped');
drop_stream($_) foreach qw(bad stopped);

# ---- A function that is called for late rows, and looks at its view ----

query(<<'EOQ');
CREATE TABLE calls (n int, window_end timestamptz, seen bigint);
CREATE FUNCTION called_late(view regclass, late_row jsonb, window_start timestamptz,
	window_end timestamptz, watermark timestamptz) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO public.calls
	SELECT (late_row->>'n')::int, called_late.window_end, sum(c) FROM public.called_late AS v;
END $$;
EOQ
create_short_stream('called', '', <<'EOQ');
CREATE MATERIALIZED VIEW called_late
	WITH (stream_agg.continuous, stream_agg.late_function = 'called_late') AS
	SELECT window_start, window_end, count(*) AS c
	FROM called, tumble(event_time, '10 s') GROUP BY window_start, window_end;
EOQ
wait_for_stream('called');
note('called: batches of ', join(' ', sizes('called')));
cmp_ok((sort { $b <=> $a } sizes('called'))[0], '>', $chunk, 'batches are large');
same_rows($node, 'SELECT n, window_end FROM calls',
	<<EOQ, 'a function is called once for each late row');
SELECT n, window_end FROM called_raw, tumble(event_time, '10 s') WHERE n > 5000 AND n % 400 = 0
EOQ
is( query(<<EOQ), '', 'and sees its view with the rows before that one, and few others');
SELECT n, seen, before
FROM (SELECT c.*, count(*) AS before FROM calls c JOIN called_raw r ON r.n < c.n
	WHERE r.n <= 5000 OR r.n % 400 > 0 GROUP BY c.n, c.window_end, c.seen) AS c
WHERE seen < before OR seen > before + 4 * $chunk
EOQ
short_stream_ok('with a late function', 'called', $malformed);
same_rows($node, 'SELECT c FROM called_late', 'SELECT c FROM called_counts',
	'its view has the same rows');

$node->stop;
done_testing();
