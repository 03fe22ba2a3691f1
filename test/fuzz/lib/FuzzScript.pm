#
# FuzzScript
#	  A case as a psql script, which prints what is wrong, and nothing else.
#
# NOTES
#	  The script needs nothing but a database with the extension: what the model
#	  found is in it as tables.  "input" has the rows; "accepted" the pairs of row
#	  and window that count, per stream and view.  What a view must hold is its
#	  own query over these pairs, run by PostgreSQL.
#
package FuzzScript;

use strict;
use warnings;

use Exporter 'import';
use FuzzCase;
use FuzzClock qw(format_time windows_of);
use FuzzModel qw(run_model);

our @EXPORT_OK = qw(make_script);

sub quote
{
	my ($text) = @_;

	return 'NULL' unless defined $text;
	return "'" . ($text =~ s/'/''/gr) . "'";
}

# A time as text: with a zone only where the type has one.
sub time_text
{
	my ($case, $time) = @_;

	return undef if !defined $time || $time eq 'null';
	return $time if $time =~ /infinity/;
	return format_time($time) . ($case->{type} eq 'timestamptz' ? '+00' : '');
}

sub time_literal
{
	my ($case, $time) = @_;

	return quote(time_text($case, $time)) . "::$case->{type}";
}

# Values for COPY.
sub copy_line
{
	return join("\t", map { defined $_ ? s/([\\\t\n])/\\$1/gr : '\N' } @_) . "\n";
}

sub row_values
{
	my ($case, $row) = @_;

	return ((map { $row->{ $_->[0] } } @{ $case->{columns} }),
		time_text($case, $row->{time}), $row->{part}, $row->{id});
}

sub column_names
{
	my ($case) = @_;

	return join ', ', (map { $_->[0] } @{ $case->{columns} }), 'at', 'part', 'id';
}

sub make_script
{
	my ($case) = @_;
	my $text = prologue($case);
	my %states;

	foreach my $stream (@{ $case->{streams} })
	{
		$text .= "\n-- stream $stream->{name}\n" . create_stream($case, $stream);
		$text .= step($case, $stream, $_) foreach @{ $stream->{steps} };
		$states{ $stream->{name} } = run_model($case, $stream);
	}
	$text .= "\n-- what the model says\n" . model_tables($case, \%states);
	$text .= check_windows($case, $_) foreach 0 .. $#{ $case->{views} };
	foreach my $stream (@{ $case->{streams} })
	{
		my $found = $states{ $stream->{name} };

		$text .= "\n-- checks of stream $stream->{name}\n";
		$text .= check_view($case, $stream->{name}, $_, $found->{$_}) foreach sort keys %$found;
	}
	$text .= compare_streams($case, \%states);
	return $text . "\nDROP SCHEMA fuzz CASCADE;\nDROP SERVER fuzz CASCADE;\n";
}

# ---------------------------------------------------------------------------
# What is there before the streams
# ---------------------------------------------------------------------------

my $settings = <<'END';
SET client_min_messages = warning;
SET search_path = fuzz, public;
SET DateStyle = 'ISO, YMD';
SET statement_timeout = '2 min';
END

sub prologue
{
	my ($case) = @_;
	my $columns = join ', ', map { "$_->[0] $_->[1]" } @{ $case->{columns} };
	my $labels = join ', ', map { "($_->[0], " . quote($_->[1]) . ')' } @FuzzCase::labels;
	my $names = column_names($case);
	my $rows = join '', map { copy_line(row_values($case, $_)) } @{ $case->{rows} };

	return <<SQL . "COPY input ($names) FROM stdin;\n$rows\\.\n";
-- Made by test/fuzz/fuzz --seed $case->{seed}; prints what is wrong.
-- psql -XqAt -f THIS, in a database with the extension stream_agg.
\\set ON_ERROR_STOP 1
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS fuzz CASCADE;
DROP SERVER IF EXISTS fuzz CASCADE;
CREATE SCHEMA fuzz;
${settings}CREATE SERVER fuzz FOREIGN DATA WRAPPER stream_agg;

CREATE FUNCTION differences(what text, streamed text, expected text)
RETURNS SETOF text LANGUAGE plpgsql AS \$\$
BEGIN
	RETURN QUERY EXECUTE format(
		'WITH streamed AS MATERIALIZED (SELECT q::text AS r FROM (%s) q),
		 expected AS MATERIALIZED (SELECT q::text AS r FROM (%s) q)
		 (SELECT %3\$L || '': unexpected '' || r FROM
		  (TABLE streamed EXCEPT ALL TABLE expected ORDER BY r LIMIT 5) a)
		 UNION ALL
		 (SELECT %3\$L || '': missing '' || r FROM
		  (TABLE expected EXCEPT ALL TABLE streamed ORDER BY r LIMIT 5) b)',
		streamed, expected, what);
END
\$\$;
-- A view's table, without states that are sums of floating-point squares, and without
-- the time to look at a session, which is a matter of batches.
CREATE FUNCTION stored(v regclass) RETURNS text LANGUAGE sql AS \$\$
	SELECT format('SELECT %s FROM %s', string_agg(quote_ident(attname), ', ' ORDER BY attnum), attrelid::regclass)
	FROM pg_attribute
	WHERE attrelid = stream_agg.data_table(v) AND attnum > 0 AND atttypid <> 'float8[]'::regtype
	AND attname <> 'due_at'
	GROUP BY attrelid
\$\$;
CREATE TABLE labels (m int, label text);
INSERT INTO labels VALUES $labels;
CREATE TABLE input ($columns, at $case->{type}, part int, id bigint);
CREATE TABLE accepted (stream text, view int, id bigint, window_start $case->{type},
	window_end $case->{type}, after_end boolean);
CREATE TABLE late (stream text, view int, partition int, "offset" bigint, event_time timestamptz,
	window_start timestamptz, window_end timestamptz, watermark timestamptz);
SQL
}

sub create_stream
{
	my ($case, $stream) = @_;
	my $columns = join ', ', map { "$_->[0] $_->[1]" } @{ $case->{columns} };
	my $idle = $case->{idle_at_once} ? '0' : '1 day';

	return <<END;
CREATE FOREIGN TABLE $stream->{name} ($columns, at $case->{type},
	part int OPTIONS (metadata 'partition'), id bigint) SERVER fuzz
	OPTIONS (event_time 'at', partitions '$case->{partitions}', idle_timeout '$idle',
	max_future '36500 days',
	max_out_of_orderness '$case->{delay}{text}', batch_rows '$stream->{batch_rows}');
END
}

# ---------------------------------------------------------------------------
# Steps
# ---------------------------------------------------------------------------

# INSERT … SELECT of rows in the order of their ids here; "more" is a condition.
sub insert_select
{
	my ($case, $stream, $ids, $more) = @_;
	my $names = column_names($case);
	my $list = "'{" . join(',', @$ids) . "}'::bigint[]";
	my $contiguous = !grep { $ids->[$_] != $ids->[0] + $_ } 0 .. $#$ids;
	my ($where, $order) = $contiguous
	  ? ("id BETWEEN $ids->[0] AND $ids->[-1]", 'id')
	  : ("id = ANY ($list)", "array_position($list, id)");

	return "INSERT INTO $stream ($names) SELECT $names FROM input WHERE $where"
	  . ($more // '') . " ORDER BY $order;\n";
}

sub insert_rows
{
	my ($case, $stream, $form, $ids) = @_;
	my %row = map { $_->{id} => $_ } @{ $case->{rows} };
	my @rows = map { [ row_values($case, $row{$_}) ] } grep { $row{$_} } @$ids;
	my $names = column_names($case);

	return '' unless @rows;
	return insert_select($case, $stream, $ids) if $form eq 'select';
	return "COPY $stream ($names) FROM stdin;\n" . join('', map { copy_line(@$_) } @rows) . "\\.\n"
	  if $form eq 'copy';
	return "INSERT INTO $stream ($names) VALUES\n"
	  . join(",\n", map { '(' . join(', ', map { quote($_) } @$_) . ')' } @rows) . ";\n";
}

sub step
{
	my ($case, $stream, $step) = @_;
	my ($kind, $name) = ($step->{kind}, $stream->{name});

	return insert_rows($case, $name, $step->{form}, $step->{ids}) if $kind eq 'insert';
	return create_view($case, $name, $step->{view}) if $kind eq 'view';
	return "BEGIN;\n" if $kind eq 'begin';
	return "COMMIT;\n" if $kind eq 'commit';
	return "\\c\n$settings" if $kind eq 'reconnect';
	return "SELECT stream_agg.wait('$name') \\g /dev/null\n" if $kind eq 'wait';

	my $insert = insert_select($case, $name, $step->{ids});
	return insert_select($case, $name, $step->{ids}, ' AND false') if $kind eq 'empty';
	return "BEGIN;\n${insert}ROLLBACK;\n" if $kind eq 'rollback';
	return "BEGIN;\nSAVEPOINT here;\n${insert}ROLLBACK TO here;\nCOMMIT;\n"
	  if $kind eq 'savepoint' && !$step->{in_transaction};
	return "SAVEPOINT here;\n${insert}ROLLBACK TO here;\n" if $kind eq 'savepoint';

	# What fails does so in the middle of a statement, or after it.
	my ($cause, $condition) = $kind eq 'exception'
	  ? ('RAISE division_by_zero', 'division_by_zero')
	  : ("INSERT INTO $name (part, at) VALUES (0, '2001-01-01'), (99, '2001-01-01')", 'invalid_parameter_value');
	return "DO \$do\$ BEGIN\n$insert$cause;\nEXCEPTION WHEN $condition THEN NULL;\nEND \$do\$;\n";
}

# ---------------------------------------------------------------------------
# Views, and the same over the accepted rows
# ---------------------------------------------------------------------------

sub window_call
{
	my ($case, $window) = @_;
	my @lengths = map { quote($_->{text}) } grep { defined } @{$window}{qw(slide step gap size)};
	my @options;

	push @options, 'origin => ' . time_literal($case, $window->{origin}) if defined $window->{origin};
	push @options, 'timezone => ' . quote($window->{zone}) if defined $window->{zone};
	return "$window->{kind}(" . join(', ', 'at', @lengths, @options) . ')';
}

sub group_by
{
	my ($view) = @_;
	my @groups = (@{ $view->{bounds} }, map { $_->{sql} } @{ $view->{keys} });

	return @groups ? "\nGROUP BY " . join(', ', @groups) : '';
}

sub select_list
{
	my ($view) = @_;
	my $n = 0;
	my $k = 0;
	my @list = @{ $view->{bounds} };

	foreach my $key (@{ $view->{keys} })
	{
		push @list, "$key->{sql} AS g$k" if $key->{shown};
		$k++;
	}
	push @list, map { "$_ AS c" . $n++ } @{ $view->{aggregates} };
	return join ', ', @list;
}

sub create_view
{
	my ($case, $stream, $number) = @_;
	my $view = $case->{views}[$number];
	my @options = ('stream_agg.continuous');

	push @options, "stream_agg.allowed_lateness = '$view->{lateness}{text}'" if $view->{lateness}{total_us};
	push @options, "stream_agg.emit = 'final'" if $view->{emit_final};
	push @options, "stream_agg.late = 'drop'" if $view->{late_drop};
	return "CREATE MATERIALIZED VIEW ${stream}_v$number WITH (" . join(', ', @options) . ") AS\nSELECT "
	  . select_list($view) . "\nFROM $stream $view->{join}{sql}"
	  . ($view->{window}{kind} eq 'none' ? '' : ', ' . window_call($case, $view->{window}))
	  . ($view->{where}{sql} ? "\nWHERE $view->{where}{sql}" : '') . group_by($view)
	  . ($view->{having} ? "\nHAVING $view->{having}" : '') . ";\n";
}

# FROM and WHERE over the accepted pairs.
sub batch_source
{
	my ($stream, $number, $view) = @_;

	return "\nFROM (SELECT i.*, a.window_start, a.window_end, a.after_end"
	  . " FROM input i JOIN accepted a USING (id)"
	  . " WHERE a.stream = '$stream' AND a.view = $number) AS accepted_rows $view->{join}{sql}"
	  . ($view->{where}{sql} ? "\nWHERE $view->{where}{sql}" : '');
}

sub final_condition
{
	my ($case, $state) = @_;
	my $operator = $state->{view}{window}{kind} eq 'session' ? '<' : '<=';

	return "coalesce(max(window_end) $operator " . time_literal($case, $state->{watermark}) . ', false)';
}

# The view's content.
sub batch_query
{
	my ($case, $stream, $number, $state) = @_;
	my $view = $state->{view};
	my $windowed = $view->{window}{kind} ne 'none';
	my $final = $windowed ? final_condition($case, $state) : undef;
	my @having = map { "($_)" } grep { defined } $view->{having}, $view->{emit_final} ? $final : undef;

	return 'SELECT ' . select_list($view) . ($windowed && !$view->{emit_final} ? ", $final" : '')
	  . batch_source($stream, $number, $view) . group_by($view)
	  . (@having ? "\nHAVING " . join(' AND ', @having) : '');
}

# The rows of the data table: keys, window, whether final, revision.  Windows
# that overlap need not be stored there before they are settled.
sub table_queries
{
	my ($case, $stream, $number, $state) = @_;
	my $view = $state->{view};
	my @keys = @{ $view->{keys} };
	my @columns = ((map { "g$_" } 0 .. $#keys), 'window_start', 'window_end');
	my $revision = $view->{lateness}{total_us} ? 'count(*) FILTER (WHERE after_end)' : '0';
	my $settled = $view->{window}{kind} !~ /hop|cumulate/ ? ''
	  : " WHERE window_end <= " . time_literal($case, $state->{watermark}) . " - interval '" . $view->{lateness}{total_us} / 1_000 . " ms'";

	return ('SELECT ' . join(', ', @columns, 'is_final, revision') . " FROM %s$settled",
		'SELECT * FROM (SELECT '
		  . join(', ', (map { "$keys[$_]{sql} AS g$_" } 0 .. $#keys), 'window_start, window_end',
			final_condition($case, $state), $revision)
		  . batch_source($stream, $number, $view)
		  . "\nGROUP BY " . join(', ', 'window_start, window_end', map { $_->{sql} } @keys)
		  . ") AS stored$settled");
}

# ---------------------------------------------------------------------------
# Checks
# ---------------------------------------------------------------------------

sub model_tables
{
	my ($case, $states) = @_;
	my ($accepted, $late) = ('', '');

	foreach my $stream (sort keys %$states)
	{
		foreach my $number (sort keys %{ $states->{$stream} })
		{
			my $state = $states->{$stream}{$number};

			$accepted .= copy_line($stream, $number, $_->[0]{id},
				time_text($case, $_->[1]), time_text($case, $_->[2]), $_->[3] ? 't' : 'f')
			  foreach FuzzModel::accepted_pairs($state);
			next if $state->{view}{late_drop};
			$late .= copy_line($stream, $number, @{$_}[ 0, 1 ],
				map { format_time($_) . '+00' } $_->[2]{time}, @{$_}[ 3 .. 5 ])
			  foreach @{ $state->{late} };
		}
	}
	return "COPY accepted FROM stdin;\n$accepted\\.\nCOPY late FROM stdin;\n$late\\.\nANALYZE accepted, input;\n";
}

# Calls differences().  A "%s" in the first query is the view's data table.
sub check
{
	my ($what, $streamed, $expected, $table) = @_;

	$streamed = defined $table
	  ? 'format(' . quote($streamed) . ", stream_agg.data_table('$table'))"
	  : quote($streamed);
	return "SELECT differences(" . quote($what) . ", $streamed,\n" . quote($expected) . ");\n";
}

# The windows of all rows, as a plain query has them.
sub check_windows
{
	my ($case, $number) = @_;
	my $window = $case->{views}[$number]{window};
	my $lines = '';

	return '' if $window->{kind} eq 'none';
	foreach my $row (grep { $_->{time} =~ /^-?\d+$/ } @{ $case->{rows} })
	{
		$lines .= copy_line('windows', $number, $row->{id}, time_text($case, $_->[0]), time_text($case, $_->[1]), undef)
		  foreach windows_of($window, $row->{time});
	}
	return "COPY accepted FROM stdin;\n$lines\\.\n" . check("windows of v$number",
		'SELECT id, w.* FROM input, ' . window_call($case, $window) . ' AS w WHERE isfinite(at)',
		"SELECT id, window_start, window_end FROM accepted WHERE stream = 'windows' AND view = $number");
}

sub check_view
{
	my ($case, $stream, $number, $state) = @_;
	my $name = "${stream}_v$number";
	my $view = $state->{view};
	my $kind = $view->{window}{kind};
	my $late = @{ $state->{late} };
	my $text = check("$name content", "SELECT * FROM $name", batch_query($case, $stream, $number, $state));

	$text .= check("$name late rows",
		"SELECT partition, \"offset\", event_time, watermark, window_start, window_end FROM stream_agg.late_rows WHERE view = '$name'::regclass",
		"SELECT partition, \"offset\", event_time, watermark, window_start, window_end FROM late WHERE stream = '$stream' AND view = $number");
	$text .= check("$name counters",
		"SELECT rows_in, rows_late, rows_dead, watermark FROM stream_agg.views WHERE view = '$name'::regclass",
		"SELECT $state->{rows_in}, $late, $state->{rows_dead}, "
		. (defined $state->{watermark} ? quote(format_time($state->{watermark}) . '+00') : 'NULL') . '::timestamptz');
	$text .= check("$name table", table_queries($case, $stream, $number, $state), $name)
	  if $kind ne 'none' && !grep { !$_->{shown} } @{ $view->{keys} };
	return $text;
}

# What the same rows give in another stream.  With the same order of rows the
# tables are the same to the last byte; with another interleaving of the
# partitions the view is.
sub compare_streams
{
	my ($case, $states) = @_;
	my %stream = map { $_->{name} => $_ } @{ $case->{streams} };
	my $text = "\n-- streams with each other\n";

	foreach my $other (grep { exists $stream{a} && exists $stream{$_} } 'b', 'c')
	{
		foreach my $number (sort keys %{ $states->{a} })
		{
			my ($name, $first) = ("${other}_v$number", "a_v$number");

			next unless exists $states->{$other}{$number};
			# Other rows come before a view that begins later.
			next if $other eq 'c' && ($case->{views}[$number]{window}{kind} eq 'session'
				|| grep { $_->{kind} eq 'view' && $_->{view} == $number && $_->{later} } @{ $stream{c}{steps} });
			next unless is_promised($case, $stream{a}, $number) && is_promised($case, $stream{$other}, $number);
			$text .= $other eq 'b'
			  ? "SELECT differences('$name as $first', stored('$name'), stored('$first'));\n"
			  : check("$name as $first", "TABLE $name", "TABLE $first");
		}
	}
	return $text;
}

# Whether a view's content depends on nothing but the order in each partition:
# no partition goes idle, and all have a usable row in the first statement.
sub is_promised
{
	my ($case, $stream, $number) = @_;
	my %row = map { $_->{id} => $_ } grep { $_->{time} =~ /^-?\d+$/ } @{ $case->{rows} };
	my %parts = map { $_->{part} => 1 } values %row;
	my $begun = 0;

	return 1 if keys %parts <= 1;
	return 0 if $case->{idle_at_once};
	foreach my $step (@{ $stream->{steps} })
	{
		$begun = 1 if $step->{kind} eq 'view' && $step->{view} == $number;
		next unless $begun && $step->{kind} eq 'insert';

		my %first = map { $_->{part} => 1 } grep { defined } map { $row{$_} } @{ $step->{ids} };
		return keys %first == keys %parts if %first;
	}
	return 0;
}

1;
