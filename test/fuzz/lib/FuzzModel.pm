#
# FuzzModel
#	  Which rows count in which windows: one row after the other, as the
#	  documents say it (doc/semantics.md).
#
# NOTES
#	  The model knows nothing of aggregates: their values come from PostgreSQL,
#	  over the pairs of row and window that were accepted here.
#
#	  What the cutting into batches may change is modelled with the cuts: the
#	  stream's watermark is moved at the end of each batch, and a row of a
#	  partition that was idle or new is measured by it, too.
#
package FuzzModel;

use strict;
use warnings;

use Exporter 'import';
use FuzzClock qw(windows_of);
use List::Util qw(max min);

our @EXPORT_OK = qw(run_model);

# Runs the steps of a stream.  Returns, per number of a view that the stream
# has: what the model knows of it at the end.
sub run_model
{
	my ($case, $stream) = @_;
	my %row = map { $_->{id} => $_ } @{ $case->{rows} };
	my %states;
	my @offsets = (0) x $case->{partitions};

	foreach my $step (@{ $stream->{steps} })
	{
		if ($step->{kind} eq 'view')
		{
			$states{ $step->{view} } = new_state($case->{views}[ $step->{view} ]);
		}
		elsif ($step->{kind} eq 'insert')
		{
			# Offsets count from the first view on: before, nobody listens.
			next unless %states;
			insert_rows($case, $stream->{batch_rows}, \%states, \@offsets,
				grep { defined } map { $row{$_} } @{ $step->{ids} });
		}
	}
	return \%states;
}

sub new_state
{
	my ($view) = @_;

	return {
		view => $view,
		partition => {},		# watermarks, of partitions that had a row
		watermark => undef,		# of the stream
		accepted => [],			# [row, start, end, came after the end]
		late => [],				# [partition, offset, row, start, end, watermark]
		sessions => {},			# per group: [ { start, end, rows } … ]
		rows_in => 0,
		rows_dead => 0,
	};
}

# One statement: batches of up to batch_rows.
sub insert_rows
{
	my ($case, $batch_rows, $states, $offsets, @rows) = @_;

	while (my @batch = splice @rows, 0, $batch_rows)
	{
		my %left;
		my @numbered = map { [ $_, $offsets->[ $_->{part} ]++ ] } @batch;

		$left{ $_->{part} } = 1 foreach @rows;
		foreach my $state (values %$states)
		{
			# What a row is measured by, beside its partition.
			my $stream_watermark = $state->{watermark};

			one_row($case, $state, $stream_watermark, @$_) foreach @numbered;
			move_watermark($case, $state, \%left);
		}
	}
}

# The stream's watermark at the end of a batch.  Partitions with rows left in
# the statement hold it back; others until they are idle.
sub move_watermark
{
	my ($case, $state, $left) = @_;
	my (@counting, @all);

	foreach my $part (0 .. $case->{partitions} - 1)
	{
		my $watermark = $state->{partition}{$part};

		if (!defined $watermark)
		{
			# whatever is waiting there may be older than all the others
			return if $left->{$part};
			next;
		}
		push @all, $watermark;
		push @counting, $watermark if $left->{$part} || !$case->{idle_at_once};
	}
	return unless @all;
	$state->{watermark} =
	  max(@counting ? min(@counting) : max(@all), $state->{watermark} // ());
}

sub one_row
{
	my ($case, $state, $stream_watermark, $row, $offset) = @_;
	my $view = $state->{view};
	my $part = $row->{part};

	if ($row->{time} !~ /^-?\d+$/)
	{
		$state->{rows_dead}++;
		return;
	}

	my $watermark = $state->{partition}{$part};
	$watermark = $stream_watermark
	  if defined $stream_watermark && (!defined $watermark || $watermark < $stream_watermark);

	my $copies = $view->{where}{test}->($row) ? $view->{join}{copies}->($row) : 0;
	place_row($state, $watermark, $row, $offset, $copies) if $copies > 0;

	$state->{partition}{$part} =
	  max($row->{time} - $case->{delay}{total_us}, $state->{partition}{$part} // ());
}

# A row that passed WHERE and join.
sub place_row
{
	my ($state, $watermark, $row, $offset, $copies) = @_;
	my $window = $state->{view}{window};
	my $lateness = $state->{view}{lateness}{total_us};

	if ($window->{kind} eq 'none')
	{
		push @{ $state->{accepted} }, [ $row, undef, undef, 0 ];
		$state->{rows_in} += $copies;
		return;
	}

	my @windows = windows_of($window, $row->{time});
	if ($window->{kind} eq 'session')
	{
		# the session that is too old for it, or none
		@windows = join_session($state, $watermark, $row, $windows[0]);
		$state->{rows_in} += $copies unless @windows;
	}
	my @in_time = $window->{kind} eq 'session' ? ()
	  : grep { !defined $watermark || $watermark < $_->[1] + $lateness } @windows;

	if (@in_time)
	{
		$state->{rows_in} += $copies;
		push @{ $state->{accepted} },
		  [ $row, @$_, defined $watermark && $watermark >= $_->[1] ? 1 : 0 ]
		  foreach @in_time;
	}
	elsif (@windows)
	{
		my ($latest) = sort { $b->[1] <=> $a->[1] } @windows;

		push @{ $state->{late} }, [ $row->{part}, $offset, $row, @$latest, $watermark ];
	}
}

# Sessions of the row's group that it touches become one with it.  If it is
# late, nothing changes, and the window that makes it so is returned: a settled
# session, or the row's own.
sub join_session
{
	my ($state, $watermark, $row, $own) = @_;
	my $view = $state->{view};
	my $group = join "\x01", map { $_->{value}->($row) // "\x02" } @{ $view->{keys} };
	my $sessions = $state->{sessions}{$group} //= [];
	my $settled = sub {
		return defined $watermark && $watermark > $_[0] + $view->{lateness}{total_us};
	};
	my @touched = sort { $b->{start} <=> $a->{start} }
	  grep { $_->{start} <= $own->[1] && $own->[0] <= $_->{end} } @$sessions;

	foreach my $session (@touched)
	{
		return [ $session->{start}, $session->{end} ] if $settled->($session->{end});
	}

	my $start = min($own->[0], map { $_->{start} } @touched);
	my $end = max($own->[1], map { $_->{end} } @touched);
	return $own if $settled->($end);

	my %absorbed = map { $_ => 1 } @touched;
	my $after_end = defined $watermark && $watermark > $end ? 1 : 0;
	my @rows = ((map { @{ $_->{rows} } } @touched), [ $row, $after_end ]);
	@$sessions = ((grep { !$absorbed{$_} } @$sessions), { start => $start, end => $end, rows => \@rows });
	return;
}

# All accepted pairs of a view's state.
sub accepted_pairs
{
	my ($state) = @_;
	my @pairs = @{ $state->{accepted} };

	foreach my $session (map { @$_ } values %{ $state->{sessions} })
	{
		push @pairs, map { [ $_->[0], $session->{start}, $session->{end}, $_->[1] ] } @{ $session->{rows} };
	}
	return @pairs;
}

1;
