#
# FuzzCase
#	  A random stream, its rows and its views, all from one seed.
#
# NOTES
#	  A case is plain data, so that it can be made smaller (rows and views taken
#	  away) and tried again.  A condition or group key is in it twice, as SQL and
#	  as a Perl function for the model; aggregates are SQL alone.
#
#	  Values are such that any order of adding them gives the same: floating
#	  point numbers are small multiples of 1/4.
#
package FuzzCase;

use strict;
use warnings;

use Exporter 'import';
use FuzzClock qw(floor_div parse_interval parse_time windows_of);
use List::Util qw(first max shuffle);

our @EXPORT_OK = qw(make_case @zones);

our @zones = ('Europe/Berlin', 'America/Sao_Paulo', 'Australia/Lord_Howe', 'Asia/Kathmandu');

# Times around which something changes.
my @centers = (
	'1969-12-31 22:00:00', '1970-01-05 00:00:00', '2000-01-01 00:00:00', '2019-12-31 23:00:00',
	'2024-02-28 12:00:00', '2024-03-31 00:30:00', '2024-10-27 00:30:00', '2018-11-04 02:00:00',
	'2018-02-18 01:00:00', '2024-04-06 15:00:00', '2024-10-05 15:30:00', '1985-12-31 18:30:00');

# How fast time goes by, and what suits that: the steps from row to row, delays
# of the watermark, sizes of windows by the clock, by the calendar, and pairs of
# slide and size.
my @paces = (
	{
		steps => [ '100 ms', '1 s', '3 s' ], delays => [ '0 s', '1 s', '5 s', '30 s' ],
		sizes => [ '1 s', '7 s', '10 s', '1 min', '90 s', '1500 ms' ], civil => [],
		hops => [ [ '5 s', '10 s' ], [ '5 s', '12 s' ], [ '10 s', '10 s' ], [ '10 s', '3 s' ], [ '2 s', '21 s' ] ],
		cumulates => [ [ '5 s', '20 s' ], [ '10 s', '1 min' ], [ '10 s', '10 s' ] ],
		gaps => [ '1 s', '3 s', '10 s' ], lateness => [ '2 s', '10 s', '2 min' ], from => ['1 s'],
	},
	{
		steps => [ '20 s', '1 min', '2 min' ], delays => [ '0 s', '30 s', '5 min' ],
		sizes => [ '1 min', '5 min', '7 min', '13 min', '1 hour' ], civil => [],
		hops => [ [ '5 min', '15 min' ], [ '5 min', '12 min' ], [ '10 min', '4 min' ], [ '3 min', '20 min' ] ],
		cumulates => [ [ '5 min', '20 min' ], [ '10 min', '1 hour' ] ],
		gaps => [ '1 min', '3 min', '10 min' ], lateness => [ '1 min', '10 min', '1 hour' ], from => [ '1 min', '90 s' ],
	},
	{
		steps => [ '10 min', '1 hour', '2 hours' ], delays => [ '0 s', '10 min', '2 hours' ],
		sizes => [ '1 hour', '5 hours', '6 hours', '1 day', '1 week', '1 day 6 hours' ],
		civil => [ '1 day', '2 days', '1 week' ],
		hops => [ [ '1 hour', '3 hours' ], [ '2 hours', '5 hours' ], [ '6 hours', '90 min' ], [ '1 day', '2 days' ], [ '1 day', '1 week' ] ],
		cumulates => [ [ '6 hours', '1 day' ], [ '1 hour', '4 hours' ], [ '1 day', '1 week' ] ],
		gaps => [ '20 min', '1 hour', '1 day' ], lateness => [ '30 min', '6 hours', '2 days' ], from => [ '1 hour', '1 day' ],
	},
	{
		steps => [ '3 hours', '12 hours', '1 day' ], delays => [ '0 s', '12 hours', '1 day' ],
		sizes => [ '1 day', '2 days', '14 days', '10 days' ],
		civil => [ '1 day', '3 days', '1 week', '1 month', '3 months', '1 year' ],
		hops => [ [ '1 day', '3 days' ], [ '2 days', '5 days' ], [ '1 week', '2 days' ], [ '1 month', '3 months' ], [ '2 months', '3 months' ], [ '2 months', '1 month' ] ],
		cumulates => [ [ '1 day', '1 week' ], [ '1 month', '3 months' ], [ '12 hours', '2 days' ] ],
		gaps => [ '8 hours', '1 day', '2 days' ], lateness => [ '1 day', '40 days' ], from => [ '12 hours', '1 day' ],
	});

# The columns that hold values; [name, type, a random value as SQL or undef].
my @columns = (
	[ k => 'text', sub { pick('a', 'b', 'b', 'c', "d'", '', undef) } ],
	[ m => 'int', sub { chance(0.05) ? undef : int rand 4 } ],
	[ n => 'int', sub { chance(0.1) ? undef : int(rand 201) - 100 } ],
	[ x => 'numeric', sub { chance(0.1) ? undef : pick('0', '1.50', '-2.25', '1e3', '0.001', int rand 50) } ],
	[ f => 'float8', sub { chance(0.1) ? undef : (int(rand 401) - 200) / 4 } ],
	[ b => 'boolean', sub { pick('t', 'f', 't', undef) } ],
	[ s => 'text', sub { chance(0.1) ? undef : join '', map { pick('a' .. 'f') } 1 .. 1 + int rand 3 } ]);

# Conditions, for the model and for PostgreSQL; undef is NULL.
my @conditions = (
	[ 'n > 0', sub { defined $_[0]{n} ? $_[0]{n} > 0 : undef } ],
	[ 'n % 3 = 0', sub { defined $_[0]{n} ? $_[0]{n} % 3 == 0 : undef } ],
	[ "k <> 'b'", sub { defined $_[0]{k} ? $_[0]{k} ne 'b' : undef } ],
	[ 'k IS NOT NULL', sub { defined $_[0]{k} } ],
	[ 'b', sub { defined $_[0]{b} ? $_[0]{b} eq 't' : undef } ],
	[ 'coalesce(m, 0) < 3', sub { ($_[0]{m} // 0) < 3 } ],
	[ 'f BETWEEN -25 AND 40', sub { defined $_[0]{f} ? $_[0]{f} >= -25 && $_[0]{f} <= 40 : undef } ],
	[ "s LIKE 'a%'", sub { defined $_[0]{s} ? $_[0]{s} =~ /^a/ : undef } ]);

my @keys = (
	[ 'k', sub { $_[0]{k} } ],
	[ 'm', sub { $_[0]{m} } ],
	[ "coalesce(k, 'none')", sub { $_[0]{k} // 'none' } ],
	[ 'm > 1', sub { defined $_[0]{m} ? ($_[0]{m} > 1 ? 1 : 0) : undef } ],
	[ 'm + 10', sub { defined $_[0]{m} ? $_[0]{m} + 10 : undef } ]);

# Rows of the small table: m, label.  0 is there twice, 3 and NULL are not.
our @labels = ([ 0, 'zero' ], [ 0, 'nought' ], [ 1, 'one' ], [ 2, undef ]);

my %aggregates = (
	plain => [
		'count(*)', 'count(n)', 'sum(n)', 'sum(x)', 'sum(f)', 'avg(n)', 'avg(x)', 'avg(f)', 'min(s)', 'max(x)',
		'min(k)', 'max(f)', 'min(%time)', 'max(%time)', 'bool_and(b)', 'bool_or(b)', 'every(n > -50)',
		'stddev(n)', 'var_pop(x)', 'sum(n::bigint)', 'bit_or(n)', 'count(x)',
		'sum(n) + count(*)', 'coalesce(sum(x), -1) / count(*)', 'CASE WHEN count(*) > 2 THEN max(n) END',
		'(round(avg(x), 2))', "upper(max(s)) || min(s)" ],
	own => [ 'first(s, id)', 'last(n, (%time, id))', 'last(k, %time)', 'top_n(s, n, 3)', 'last_n(x, id, 2)' ],
	distinct => [ 'count(DISTINCT k)', 'count(DISTINCT n)', 'sum(DISTINCT x)', 'avg(DISTINCT m)', 'min(DISTINCT s)' ],
	ordered => [
		'array_agg(n ORDER BY n, id)', 'array_agg(s ORDER BY id DESC)', "string_agg(s, ',' ORDER BY id)",
		"string_agg(DISTINCT k, '' ORDER BY k)", 'array_agg(DISTINCT m ORDER BY m DESC)' ],
	within => [
		'percentile_cont(0.5) WITHIN GROUP (ORDER BY f)', 'percentile_disc(0.3) WITHIN GROUP (ORDER BY x)',
		'mode() WITHIN GROUP (ORDER BY n)', 'percentile_cont(ARRAY[0, 0.25, 1]) WITHIN GROUP (ORDER BY n)' ]);

my @having = ('count(*) > 1', 'sum(n) > 0', 'max(x) IS NOT NULL', 'count(n) < 5 OR min(s) IS NULL');

sub pick
{
	return $_[ rand @_ ];
}

sub chance
{
	return rand() < $_[0];
}

# A case from its seed; "windows" and "aggregates" are the kinds to choose from.
sub make_case
{
	my ($seed, $windows, $aggregates) = @_;

	srand($seed);
	my $pace = pick(@paces);
	my $case = {
		seed => $seed,
		pace => $pace,
		type => chance(0.7) ? 'timestamptz' : 'timestamp',
		partitions => pick(1, 1, 2, 3, 4),
		idle_at_once => chance(0.3),
		delay => parse_interval(pick(@{ $pace->{delays} })),
		columns => \@columns,
	};
	# Partitions that have their first row when others have moved on.
	$case->{late_partitions} = $case->{partitions} > 1 && chance(0.15);

	$case->{views} = [ map { make_view($case, $windows, $aggregates) } 1 .. 2 + int rand 3 ];
	$case->{rows} = [ make_rows($case) ];
	$case->{streams} = [ make_streams($case) ];
	return $case;
}

# ---------------------------------------------------------------------------
# Rows
# ---------------------------------------------------------------------------

sub make_rows
{
	my ($case) = @_;
	my $step = parse_interval(pick(@{ $case->{pace}{steps} }))->{total_us};
	my $count = chance(0.04) ? 800 : pick(12, 30, 60, 120, 180);
	my $disorder = pick(0, 1, 3, 10) * $step;
	my $parts = $case->{partitions};
	my @rows;

	# The middle of the rows comes near a time at which something changes.
	my $begin = parse_time(pick(@centers)) - int($count * $step / 4);
	my @clocks = map { { now => $begin + int rand(5 * $step), step => $step, disorder => $disorder } } 1 .. $parts;

	foreach my $id (1 .. $count)
	{
		# At first one row for each partition, so that none is new later.
		my $part = $id <= $parts && !$case->{late_partitions} ? $id - 1 : int rand $parts;
		my %row = (id => $id, part => $part);

		$row{ $_->[0] } = $_->[2]->() foreach @columns;
		$row{time} = next_time($case, $clocks[$part], $rows[-1]);
		%row = (%{ pick(@rows) }, id => $id, part => $part) if $id > $parts && chance(0.04);
		push @rows, \%row;
	}
	return @rows;
}

# The time of a partition's next row.  "now" of its clock is how far it has come
# but for disorder, "reach" its greatest time so far, "planned" a time that is
# to be next.
sub next_time
{
	my ($case, $clock, $before) = @_;
	my $step = $clock->{step};
	my $dice = rand;
	my $planned = delete $clock->{planned};
	my $time;

	$clock->{now} += int rand $step;
	return $planned if defined $planned;
	return pick('null', 'infinity', '-infinity') if defined $clock->{reach} && chance(0.005);
	$clock->{now} += int rand(40 * $step) if $dice > 0.98;

	$time = $clock->{now} - int rand($clock->{disorder} + 1);
	$time = floor_div($time, 1_000_000) * 1_000_000 if chance(0.5);
	if ($dice < 0.06 && defined $before && $before->{time} =~ /^-?\d+$/) { $time = $before->{time} }
	elsif ($dice < 0.13) { $time -= int rand(60 * $step) }
	elsif ($dice < 0.28) { $time = time_on_border($case, $clock) // $time }

	$clock->{reach} = max($time, $clock->{reach} // ());
	$clock->{now} = max($clock->{now}, $clock->{reach} - 20 * $step);
	return $time;
}

# A time on a border of some view's windows, or one that brings the partition's
# watermark to where such a window ends or is settled; the next row is then one
# for that window.
sub time_on_border
{
	my ($case, $clock) = @_;
	my @views = grep { $_->{window}{kind} ne 'none' } @{ $case->{views} };
	my $reach = $clock->{reach};

	return unless @views && defined $reach;
	my $view = pick(@views);
	my $behind = $case->{delay}{total_us} + (chance(0.5) ? $view->{lateness}{total_us} : 0);
	my $near = pick(-1, 0, 0, 0, 1);
	my @windows = windows_of($view->{window}, $reach - $behind) or return;
	my $window = pick(@windows);

	return $window->[ int rand 2 ] + $near if chance(0.3);
	$clock->{planned} = $window->[1] - pick(1, 0, 1 + int rand($window->[1] - $window->[0]), 1);
	return $window->[1] + $behind + $near;
}

# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------

sub make_view
{
	my ($case, $windows, $aggregates) = @_;
	my $window = make_window($case, pick(@$windows));
	my $windowed = $window->{kind} ne 'none';
	my @pool = map { @{ $aggregates{$_} } } @$aggregates;
	my $view = {
		window => $window,
		where => make_where(),
		join => make_join(),
		keys => [ map { { sql => $_->[0], value => $_->[1], shown => !chance(0.1) } }
			  (shuffle @keys)[ 0 .. pick(-1, 0, 0, 1) ] ],
		aggregates => [ map { make_aggregate($case, $_) } (shuffle @pool)[ 0 .. int rand 5 ] ],
		having => chance(0.2) ? pick(@having) : undef,
		lateness => parse_interval($windowed && chance(0.4) ? pick(@{ $case->{pace}{lateness} }) : '0 s'),
		emit_final => $windowed && chance(0.15),
		late_drop => $windowed && chance(0.1),
	};

	$view->{bounds} = !$windowed ? []
	  : $window->{kind} =~ /cumulate|session/ ? [ 'window_start', 'window_end' ]
	  : pick(['window_start'], ['window_end'], [ 'window_start', 'window_end' ]);
	return $view;
}

sub make_where
{
	return { sql => undef, test => sub { 1 } } if chance(0.6);

	my ($sql, $test) = @{ pick(@conditions) };
	if (chance(0.3))
	{
		my ($other_sql, $other) = @{ pick(@conditions) };

		return { sql => "($sql) OR ($other_sql)", test => sub { $test->(@_) || $other->(@_) } };
	}
	return { sql => $sql, test => $test };
}

# A join with the small table; "copies" is how often a row comes out of it.
sub make_join
{
	my $matches = sub {
		my ($row) = @_;
		return 0 unless defined $row->{m};
		return scalar grep { $_->[0] == $row->{m} } @labels;
	};

	return { sql => '', copies => sub { 1 } } if chance(0.75);
	return { sql => 'JOIN labels USING (m)', copies => $matches } if chance(0.5);
	return { sql => 'LEFT JOIN labels USING (m)', copies => sub { $matches->(@_) || 1 } };
}

sub make_aggregate
{
	my ($case, $sql) = @_;

	$sql =~ s/%time/at/g;
	# A filter can only stand behind a single call.
	if (chance(0.25) && $sql =~ /^\w+(\((?:[^()]++|(?1))*\))( WITHIN GROUP \([^()]*\))?$/)
	{
		$sql .= ' FILTER (WHERE ' . pick(@conditions)->[0] . ')';
	}
	return $sql;
}

sub make_window
{
	my ($case, $kind) = @_;
	my $pace = $case->{pace};
	my %window = (kind => $kind);
	my $choose = sub { map { parse_interval($_) } @{ pick(@{ $_[0] }) } };

	if ($kind eq 'tumble')
	{
		my $civil = @{ $pace->{civil} } && chance(0.5);

		$window{size} = parse_interval(pick(@{ $pace->{ $civil ? 'civil' : 'sizes' } }));
	}
	elsif ($kind eq 'hop') { @window{qw(slide size)} = $choose->($pace->{hops}) }
	elsif ($kind eq 'cumulate') { @window{qw(step size)} = $choose->($pace->{cumulates}) }
	elsif ($kind eq 'session') { $window{gap} = parse_interval(pick(@{ $pace->{gaps} })) }
	return \%window if $kind =~ /none|session/;

	# Days and hours don't mix in a zone.
	my @lengths = grep { defined } @window{qw(size slide step)};
	my $mixed = (grep { $_->{days} } @lengths) && grep { $_->{us} } @lengths;
	$window{zone} = pick(@zones, $zones[0]) if !$mixed && chance(0.5);
	$window{origin} = parse_time(pick('2024-01-01 00:00:00', '1969-12-15 03:07:00', '2031-05-15 12:34:56'))
	  if chance(0.25);
	return \%window;
}

# ---------------------------------------------------------------------------
# Streams: the same rows, cut and mixed in different ways
# ---------------------------------------------------------------------------

sub make_streams
{
	my ($case) = @_;
	my @ids = map { $_->{id} } @{ $case->{rows} };
	my $views = @{ $case->{views} };

	# Some views begin later, after this many rows.
	my @begin = (0, map { chance(0.15) ? 4 + int rand(@ids - 4) : 0 } 2 .. $views);
	my @streams = make_stream($case, 'a', \@begin, @ids);

	push @streams, make_stream($case, 'b', \@begin, @ids) if chance(0.7);
	push @streams, make_stream($case, 'c', \@begin, mix_partitions($case)) if $case->{partitions} > 1 && chance(0.7);
	return @streams;
}

# Another interleaving: each partition's own order stays.
sub mix_partitions
{
	my ($case) = @_;
	my @queues;

	push @{ $queues[ $_->{part} ] }, $_->{id} foreach @{ $case->{rows} };
	my @ids = map { @$_ ? shift @$_ : () } @queues;
	while (my @filled = grep { @$_ } @queues)
	{
		my $queue = pick(@filled);

		push @ids, splice @$queue, 0, 1 + int rand pick(1, 5, 50);
	}
	return @ids;
}

sub make_stream
{
	my ($case, $name, $begin, @ids) = @_;
	my $stream = { name => $name, batch_rows => pick(1, 7, 1_000, 100_000), order => [@ids] };
	my %views_at;
	my @steps;
	my $done = 0;
	my $typical = pick(1, 5, 30, 200, 2_000);

	push @{ $views_at{ $begin->[$_] } }, $_ foreach 0 .. $#$begin;
	$stream->{batch_rows} = 7 if @ids > 300 && $stream->{batch_rows} == 1;
	$typical = 30 if @ids > 300 && $typical < 30;
	my $open = 0;
	while ($done < @ids)
	{
		push @steps, map { { kind => 'view', view => $_, later => $done > 0 } } @{ $views_at{$done} // [] };
		push @steps, odd_step($open, @ids) if chance(0.08);
		if (chance($open ? 0.4 : 0.1))
		{
			push @steps, { kind => $open ? 'commit' : 'begin' };
			$open = !$open;
		}

		# The first statement has a row of every partition.
		my $length = 1 + int rand $typical;
		my $next = first { $_ > $done } sort { $a <=> $b } keys %views_at;
		$length = $case->{partitions} if $done == 0 && $length < $case->{partitions};
		$length = $next - $done if defined $next && $done + $length > $next;
		push @steps, { kind => 'insert', form => pick('select', 'select', 'select', 'values', 'copy'),
			ids => [ @ids[ $done .. ($done + $length > @ids ? $#ids : $done + $length - 1) ] ] };
		$done += $length;
	}
	push @steps, { kind => 'commit' } if $open;
	push @steps, { kind => 'wait' } if chance(0.2);
	$stream->{steps} = \@steps;
	return $stream;
}

# What must leave no trace.
sub odd_step
{
	my ($in_transaction, @ids) = @_;
	my @kinds = ('savepoint', 'exception', 'refused', 'wait', 'empty');

	push @kinds, 'reconnect', 'rollback', 'rollback' unless $in_transaction;
	return { kind => pick(@kinds), in_transaction => $in_transaction, ids => [ map { pick(@ids) } 1 .. 1 + int rand 20 ] };
}

1;
