# A database with open windows of every kind is dumped and restored, twice over;
# then original and copies get the same rows, and come to the same results.
use strict;
use warnings;

use Test::More;

use PostgreSQL::Test::Utils;
use StreamAggTest;

my $node = start_node('main');
my $dumps = "$PostgreSQL::Test::Utils::tmp_check/dumps";
mkdir $dumps;

my $options = "event_time 't', partitions '2', max_out_of_orderness '2 min', idle_timeout '1 day'";
my $aggregates = <<'EOF';
count(*) AS n, avg(v) AS mean, first(v, t) AS earliest, count(DISTINCT v) AS different,
	sum(DISTINCT w) FILTER (WHERE v > 3) AS some, percentile_cont(0.5) WITHIN GROUP (ORDER BY w) AS median,
	mode() WITHIN GROUP (ORDER BY mood) AS mood, array_agg(v) AS list, string_agg(DISTINCT k, ',') AS keys,
	appended(v) AS appended
EOF

# Views by name: options, and what they are grouped by.
my %views = (
	running => [ '', 'k', 'FROM s GROUP BY k' ],
	alone => [ '', '1 AS one', 'FROM s' ],
	tumbled => [
		', stream_agg.allowed_lateness = \'4 min\'',
		'k, window_start, window_end',
		"FROM s, tumble(t, '10 min') GROUP BY k, window_start, window_end"
	],
	hopping => [
		'',
		'k, window_start, window_end',
		"FROM s, hop(t, '5 min', '12 min') GROUP BY k, window_start, window_end"
	],
	hopping_late => [
		', stream_agg.allowed_lateness = \'6 min\', stream_agg.emit = final',
		'window_start',
		"FROM s, hop(t, '5 min', '15 min', timezone => 'Europe/Berlin') GROUP BY window_start"
	],
	cumulated => [
		'',
		'k, window_start, window_end',
		"FROM s, cumulate(t, '5 min', '20 min') GROUP BY k, window_start, window_end"
	],
	sessions => [
		', stream_agg.allowed_lateness = \'1 min\'',
		'k, window_start, window_end',
		"FROM s, session(t, '3 min') GROUP BY k, window_start, window_end"
	]);

sub query { return $node->safe_psql(@_); }

# Rows with numbers from one to another, as statements of so many.
sub insert_rows
{
	my ($database, $first, $last, $size) = @_;

	for (my $from = $first; $from <= $last; $from += $size)
	{
		my $to = $from + $size - 1;
		$to = $last if $to > $last;
		query($database, <<EOF);
SET search_path = shop, public;
INSERT INTO s SELECT n % 2, CASE WHEN n % 7 > 0 THEN 'k' || n % 3 END, nullif(n * 7919 % 11, 0), n * 104729 % 100 / 8.0,
	(enum_range(NULL::mood))[1 + n % 3], timestamptz '2024-01-01' + n * interval '45 s' - CASE n % 6 WHEN 0 THEN n * 7919 % 13 ELSE 0 END * interval '1 min'
FROM generate_series($from, $to) n ORDER BY n;
EOF
	}
	return;
}

# All that is in a view and behind it, as text; rows of tables in an order that
# does not depend on where they are.
sub content
{
	my ($database) = @_;
	my %content;

	foreach my $view (sort keys %views)
	{
		$content{$view} = query($database, "SELECT v::text FROM shop.$view v ORDER BY 1");
		foreach my $table (split(/\n/, query($database, <<EOF)))
SELECT unnest(kept || CASE WHEN panes <> 0 THEN ARRAY[panes, data] ELSE ARRAY[data] END)::regclass
FROM stream_agg.continuous_view WHERE view = 'shop.$view'::regclass
EOF
		{
			$content{$table} = query($database, "SELECT r::text FROM $table r ORDER BY 1");
		}
	}
	$content{late} = query($database, <<EOF);
SELECT view, partition, "offset", window_start, watermark, row_data FROM stream_agg.late_rows ORDER BY 1, 2, 3
EOF
	$content{views} = query($database, <<EOF);
SELECT view, watermark, rows_in, rows_late, open_windows FROM stream_agg.views ORDER BY 1
EOF
	return \%content;
}

# Passes if two databases hold the same.
sub same_content
{
	my ($one, $other, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_deeply(content($other), content($one), $name);
	return;
}

query('postgres', <<EOF);
CREATE SCHEMA shop;
SET search_path = shop, public;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE FUNCTION append(s text, v int) RETURNS text LANGUAGE sql IMMUTABLE AS
	\$\$SELECT coalesce(s, '') || coalesce(v::text, '?') || ' '\$\$;
ALTER FUNCTION append SET search_path = pg_catalog;
CREATE AGGREGATE appended(int) (sfunc = append, stype = text);
CREATE SERVER local FOREIGN DATA WRAPPER stream_agg;
CREATE FOREIGN TABLE s (part int OPTIONS (metadata 'partition'), k text, v int, w numeric, mood mood, t timestamptz)
	SERVER local OPTIONS ($options);
EOF
foreach my $view (sort keys %views)
{
	my ($with, $keys, $from) = @{ $views{$view} };

	query('postgres', <<EOF);
SET search_path = shop, public;
CREATE MATERIALIZED VIEW $view WITH (stream_agg.continuous$with) AS SELECT $keys, $aggregates $from;
EOF
}
# names as users change them
query('postgres', 'ALTER TABLE stream_agg_data.hopping_kept_1 RENAME COLUMN argument_1 TO "what is distinct"');
query('postgres', 'ALTER TABLE stream_agg_data.running_kept_2 RENAME TO "running, kept"');

insert_rows('postgres', 1, 150, 40);
my $before = content('postgres');
like($before->{views}, qr/\|[1-9]\d*$/m, 'windows are open');
like($before->{late}, qr/shop\.tumbled/, 'rows were late');

# As one script, and as an archive that is restored in two jobs.
$node->command_ok([ 'pg_dump', '-f', "$dumps/script", $node->connstr('postgres') ],
	'pg_dump');
query('postgres', 'CREATE DATABASE copy');
$node->command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dumps/script", '-d', $node->connstr('copy') ],
	'restore');
same_content('postgres', 'copy', 'the copy is as the original');

insert_rows('postgres', 151, 220, 30);
insert_rows('copy', 151, 220, 7);
same_content('postgres', 'copy', 'and goes on to the same results');

$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dumps/archive", $node->connstr('copy') ],
	'pg_dump of the copy');
query('postgres', 'CREATE DATABASE second_copy');
$node->command_ok(
	[ 'pg_restore', '--exit-on-error', '-j', '2', '-d', $node->connstr('second_copy'), "$dumps/archive" ],
	'pg_restore in two jobs');
same_content('postgres', 'second_copy', 'a copy of the copy is as the original, too');
$node->restart;
foreach my $database ('postgres', 'copy', 'second_copy')
{
	insert_rows($database, 221, 300, 80);
}
same_content('postgres', 'copy', 'after a restart');
same_content('postgres', 'second_copy', 'a copy of the copy, too');

# What belongs together still does.
my ($ret, $out, $err) = $node->psql('second_copy', 'DROP TABLE stream_agg_data.hopping_panes');
like($err, qr/other objects depend on it/, 'no part of a view can be dropped');
query('second_copy', "SET client_min_messages = warning; DROP MATERIALIZED VIEW shop.$_ CASCADE")
  foreach sort keys %views;
is( query('second_copy', <<EOF), '', 'a drop in the copy leaves nothing');
SELECT oid::regclass FROM pg_class WHERE relnamespace = 'stream_agg_data'::regnamespace
EOF

$node->stop;
done_testing();
