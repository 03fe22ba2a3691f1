
=pod

=head1 NAME

StreamAggTest - a server with stream_agg, and the oracle

=head1 SYNOPSIS

  use StreamAggTest;

  my $node = start_node('main');
  create_events($node, $broker, 'clicks', $topic,
	  options => "max_out_of_orderness '5 s'");
  my %oracle = create_views($node, 'clicks');
  load_manifest($node, $broker->produce($topic, '-n' => 200_000));
  caught_up_ok($node, 'after the first run', %oracle);

=head1 DESCRIPTION

The oracle compares what the views hold with what was produced: the raw rows
with the manifest, both ways; each view with the same SELECT over the raw rows,
both ways; the positions with the raw rows and dead letters. It is one SQL
statement, and so one snapshot: it must hold at every moment, also in the
middle of a run (without the manifest, which is not complete until its end).

=cut

package StreamAggTest;

use strict;
use warnings;

use Exporter 'import';
use Time::HiRes qw(sleep time);

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(
  start_node create_events create_view create_views
  next_events events_so_far load_manifest
  wait_for_views wait_for reader_pid difference same_rows
  oracle_differences oracle_ok caught_up_ok
);

# What a message of sa_producer holds, as columns.
my $event_columns =
  'p bigint, s bigint, user_id text, page text, amount numeric, event_time timestamptz';

# Where a row comes from, and what it holds: what must be the same in the
# topic and in the raw rows.
my $row_columns =
  'partition, "offset", p, s, user_id, page, amount, event_time';

# A started server that has the library preloaded and the extension in
# database "postgres". Options: conf (more settings), install_path (of another
# installation), allows_streaming, and whatever else PostgreSQL::Test::Cluster's
# init() takes.
sub start_node
{
	my ($name, %options) = @_;
	my $conf = delete $options{conf};
	my $path = delete $options{install_path};
	my $node = PostgreSQL::Test::Cluster->new($name,
		defined $path ? (install_path => $path) : ());

	$node->init(extra => [ '--no-locale', '-E', 'UTF8' ], %options);
	$node->append_conf('postgresql.conf', <<EOF);
shared_preload_libraries = 'stream_agg'
restart_after_crash = on
max_worker_processes = 16
shared_buffers = 64MB
max_wal_size = 1GB
log_statement = none
timezone = 'UTC'
EOF
	$node->append_conf('postgresql.conf', $conf) if defined $conf;
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION stream_agg');
	return $node;
}

# A stream of sa_producer's events, on a server of the same name with
# "_server". Options: options (stream options, as SQL), listener, database.
sub create_events
{
	my ($node, $broker, $stream, $topic, %options) = @_;
	my $bootstrap = $broker->bootstrap($options{listener});
	my $more = $options{options} ? ", $options{options}" : '';

	$node->safe_psql($options{database} || 'postgres', <<EOF);
CREATE SERVER ${stream}_server FOREIGN DATA WRAPPER stream_agg
	OPTIONS (bootstrap_servers '$bootstrap');
CREATE USER MAPPING FOR CURRENT_USER SERVER ${stream}_server;
CREATE FOREIGN TABLE $stream (
	partition int OPTIONS (metadata 'partition'),
	"offset" bigint OPTIONS (metadata 'offset'),
	$event_columns
) SERVER ${stream}_server
	OPTIONS (topic '$topic', format 'json', event_time 'event_time'$more);
EOF
	return;
}

# What most tests keep over a stream of events, beside its rows: windows with
# aggregates of every kind of state, and running totals.
my %batch_queries = (
	page_views => <<'EOF',
SELECT window_start, window_end, page, count(*) AS views,
	avg(amount) AS avg_amount, max(user_id) AS last_user
FROM %s, tumble(event_time, '10 s')
GROUP BY window_start, window_end, page
EOF
	totals => <<'EOF',
SELECT user_id, count(*) AS rows, sum(amount) AS amount,
	max(event_time) AS last_seen
FROM %s
GROUP BY user_id
EOF
);

# Creates a continuous view. Options: database.
sub create_view
{
	my ($node, $view, $query, %options) = @_;

	$node->safe_psql($options{database} || 'postgres',
		"CREATE MATERIALIZED VIEW $view WITH (stream_agg.continuous) AS $query");
	return;
}

# Creates STREAM_raw, which has every row, and the views above; returns what
# the oracle has to know of them. Options: database.
sub create_views
{
	my ($node, $stream, %options) = @_;
	my $raw = "${stream}_raw";
	my %batch;

	create_view($node, $raw, "SELECT * FROM $stream", %options);
	foreach my $view (sort keys %batch_queries)
	{
		create_view($node, $view, sprintf($batch_queries{$view}, $stream),
			%options);
		$batch{$view} = sprintf($batch_queries{$view}, $raw);
	}
	return (stream => $stream, raw => $raw, views => \%batch);
}

my $events_so_far = 0;

# Options of sa_producer for the next so many events, which go on where those
# before have ended. More options may follow, which then win.
sub next_events
{
	my ($count, @more) = @_;
	my @options = (
		'-n' => $count,
		'--first' => $events_so_far,
		'--step-us' => 1000,
		'--disorder' => 2,
		@more);

	$events_so_far += $count;
	return @options;
}

# How many events next_events() was asked for.
sub events_so_far { return $events_so_far; }

# Adds manifests of sa_producer to the table of that name.
sub load_manifest
{
	my ($node, @files) = @_;

	$node->safe_psql('postgres', <<EOF);
CREATE TABLE IF NOT EXISTS manifest (
	partition int, "offset" bigint, $event_columns, poison boolean);
EOF
	$node->safe_psql('postgres', "COPY manifest FROM '$_'") foreach @files;
	return;
}

# Waits until the views hold all that is in their topics now; passes or fails.
sub wait_for_views
{
	my ($node, @views) = @_;
	my $timeout = $PostgreSQL::Test::Utils::timeout_default;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	foreach my $view (@views)
	{
		my ($ret, $out, $err) = $node->psql('postgres',
			"SELECT stream_agg.wait('$view', '$timeout s')");
		is("$ret $out", '0 t', "$view has caught up") or diag($err);
	}
	return;
}

# Waits until a query gives the expected text (default: t), at most so many
# seconds (default: the harness's time limit); dies with the last answer. A
# query that fails, as it may while a server restarts, is tried again.
sub wait_for
{
	my ($node, $query, $expected, $seconds) = @_;
	my $until =
	  time() + ($seconds || $PostgreSQL::Test::Utils::timeout_default);
	my ($ret, $out, $err);

	$expected = 't' unless defined $expected;
	do
	{
		# it dies if psql ends before it has read the query
		($ret, $out, $err) = eval { $node->psql('postgres', $query) };
		($ret, $out, $err) = (-1, '', $@) if $@;
		return if $ret == 0 && $out eq $expected;
		sleep(0.05);
	} while (time() < $until);
	die "waited in vain for \"$expected\" from $query: got \"$out\" $err\n";
}

# SQL for the first rows in which two queries differ.
sub difference
{
	my ($one, $other) = @_;

	return <<EOF;
SELECT * FROM (
	WITH one AS MATERIALIZED ($one), other AS MATERIALIZED ($other)
	(SELECT '-' AS side, o::text FROM (TABLE one EXCEPT ALL TABLE other) AS o LIMIT 3)
	UNION ALL
	(SELECT '+', o::text FROM (TABLE other EXCEPT ALL TABLE one) AS o LIMIT 3)) AS d
EOF
}

# Passes if two queries give the same rows.
sub same_rows
{
	my ($node, $one, $other, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($node->safe_psql('postgres', difference($one, $other)), '', $name);
}

# The process id of the reader, of which there must be one; waits for it.
# Options: not (a process id that is not meant).
sub reader_pid
{
	my ($node, %options) = @_;
	my $other = $options{not} || 0;

	wait_for($node,
		"SELECT count(*) FROM stream_agg.workers WHERE kind = 'reader' AND pid <> $other",
		'1');
	return $node->safe_psql('postgres',
		"SELECT pid FROM stream_agg.workers WHERE kind = 'reader'");
}

# The columns of a view that its defining query names.
sub _user_columns
{
	my ($node, $view) = @_;
	return $node->safe_psql('postgres', <<EOF);
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
FROM pg_attribute
WHERE attrelid = '$view'::regclass AND attnum > 0 AND NOT attisdropped
	AND attname <> 'is_final'
EOF
}

# SQL that gives the rows of one side that the other doesn't have.
sub _difference
{
	my ($label, $left, $right) = @_;
	return <<EOF;
SELECT '$label' AS what, to_jsonb(d)::text AS row
FROM (($left) EXCEPT ALL ($right)) AS d
EOF
}

sub _both_ways
{
	my ($left_name, $left, $right_name, $right) = @_;
	return (
		_difference("only in $left_name", $left, $right),
		_difference("only in $right_name", $right, $left));
}

# The first rows that are not as they must be, as text; '' if all is well.
# Options: stream and raw (names; raw is a load of all the stream's columns),
# views (name => the same query over the raw rows), manifest (0: leave out),
# positions (0: leave out, where records that are not messages take offsets).
sub oracle_differences
{
	my ($node, %o) = @_;
	my $bad_rows = <<EOF;
SELECT partition, "offset" FROM stream_agg.dead_letters
WHERE stream::regclass = '$o{stream}'::regclass
EOF
	my @parts;

	if (!exists $o{positions} || $o{positions})
	{
		push @parts,
		  _both_ways(
			'positions',
			"SELECT partition, next_offset FROM stream_agg.partitions
			 WHERE stream::regclass = '$o{stream}'::regclass AND next_offset > 0",
			'rows read',
			"SELECT partition, max(\"offset\") + 1
			 FROM (SELECT partition, \"offset\" FROM $o{raw}
				   UNION ALL ($bad_rows)) AS seen
			 GROUP BY partition");
	}

	if (!exists $o{manifest} || $o{manifest})
	{
		push @parts,
		  _both_ways($o{raw}, "SELECT $row_columns FROM $o{raw}",
			'manifest', "SELECT $row_columns FROM manifest WHERE NOT poison");
		push @parts,
		  _both_ways('dead letters', "SELECT DISTINCT * FROM ($bad_rows) AS d",
			'poison',
			'SELECT partition, "offset" FROM manifest WHERE poison');
	}
	foreach my $view (sort keys %{ $o{views} || {} })
	{
		my $columns = _user_columns($node, $view);
		push @parts,
		  _both_ways($view, "SELECT $columns FROM $view",
			"batch of $view", $o{views}{$view});
	}
	return $node->safe_psql('postgres',
		join(' UNION ALL ', map { "($_)" } @parts) . ' LIMIT 20');
}

# Passes if the oracle finds nothing. Options as for oracle_differences.
sub oracle_ok
{
	my ($node, $name, %options) = @_;
	my $differences = oracle_differences($node, %options);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($differences, '', "$name: exactly what was produced");
}

# Waits until the views of the oracle hold all that was produced; passes if it
# is exactly that.
sub caught_up_ok
{
	my ($node, $name, %oracle) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_for_views($node, $oracle{raw}, sort keys %{ $oracle{views} });
	return oracle_ok($node, $name, %oracle);
}

1;
