#
# FuzzClock
#	  Times, calendars and windows of the fuzzer's model, slow and obvious.
#
# NOTES
#	  A time is a count of microseconds since 1970 in UTC; Perl's integers have
#	  64 bits.  A local time is the same count of what a zone's clocks show.
#	  When the clocks of a zone change is asked from PostgreSQL, once, by AT TIME
#	  ZONE (set_zone); windows are found by walking along the grid, with none of
#	  the extension's functions.
#
package FuzzClock;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(floor_div format_time parse_time parse_interval set_zone windows_of);

use constant SECOND => 1_000_000;
use constant DAY => 86_400 * SECOND;

my %unit_us = (ms => 1_000, s => SECOND, min => 60 * SECOND, hour => 3_600 * SECOND);

# Per zone: [from which instant, local time minus UTC], in order of time.
my %changes;

sub floor_div
{
	my ($a, $b) = @_;

	return ($a - $a % $b) / $b;
}

# Number of days from 1970-01-01 to a date of the Gregorian calendar.
sub days_from_date
{
	my ($year, $month, $day) = @_;

	# Years that begin in March have the leap day at their end.
	$year-- if $month <= 2;
	my $shifted = ($month + 9) % 12;
	return 365 * $year + floor_div($year, 4) - floor_div($year, 100) +
	  floor_div($year, 400) + floor_div(153 * $shifted + 2, 5) + $day - 1 - 719_468;
}

sub date_from_days
{
	my ($days) = @_;
	my $year = 1968 + floor_div($days, 366);

	$year++ while days_from_date($year + 1, 1, 1) <= $days;
	my $month = 12;
	$month-- while days_from_date($year, $month, 1) > $days;
	return ($year, $month, $days - days_from_date($year, $month, 1) + 1);
}

sub days_in_month
{
	my ($year, $month) = @_;

	return $month == 12 ? 31
	  : days_from_date($year, $month + 1, 1) - days_from_date($year, $month, 1);
}

# As PostgreSQL does it: the 31st becomes the last day of a shorter month.
sub add_months
{
	my ($local, $months) = @_;
	my ($year, $month, $day) = date_from_days(floor_div($local, DAY));
	my $count = $year * 12 + $month - 1 + $months;

	$year = floor_div($count, 12);
	$month = $count % 12 + 1;
	my $last = days_in_month($year, $month);
	return days_from_date($year, $month, $day < $last ? $day : $last) * DAY + $local % DAY;
}

# "2024-03-31 01:30:00.5", in UTC.
sub parse_time
{
	my ($text) = @_;
	my ($year, $month, $day, $hour, $minute, $second) =
	  $text =~ /^(\d+)-(\d+)-(\d+)(?: (\d+):(\d+)(?::(\d+))?)?$/
	  or die "not a time: $text";

	return days_from_date($year, $month, $day) * DAY +
	  (($hour // 0) * 3_600 + ($minute // 0) * 60 + ($second // 0)) * SECOND;
}

sub format_time
{
	my ($time) = @_;
	my ($year, $month, $day) = date_from_days(floor_div($time, DAY));
	my $rest = $time % DAY;

	return sprintf '%04d-%02d-%02d %02d:%02d:%02d.%06d', $year, $month, $day,
	  floor_div($rest, 3_600 * SECOND), floor_div($rest, 60 * SECOND) % 60,
	  floor_div($rest, SECOND) % 60, $rest % SECOND;
}

# "1 month", "7 days", "90 s", "1 day 6 hours".
sub parse_interval
{
	my ($text) = @_;
	my %interval = (text => $text, months => 0, days => 0, us => 0);

	while ($text =~ /(\d+) ([a-z]+)/g)
	{
		my ($n, $unit) = ($1, $2);

		$unit =~ s/s$// unless $unit eq 's' || $unit eq 'ms';
		if ($unit eq 'year') { $interval{months} += 12 * $n }
		elsif ($unit eq 'month') { $interval{months} += $n }
		elsif ($unit eq 'week') { $interval{days} += 7 * $n }
		elsif ($unit eq 'day') { $interval{days} += $n }
		else { $interval{us} += $n * ($unit_us{$unit} // die "unit $unit") }
	}
	$interval{total_us} = $interval{days} * DAY + $interval{us};
	return \%interval;
}

# What is known of a zone: [instant, offset from then on], …; the first instant
# is before all times.
sub set_zone
{
	my ($zone, @list) = @_;

	$changes{$zone} = [ sort { $a->[0] <=> $b->[0] } @list ];
}

sub local_time
{
	my ($time, $zone) = @_;
	my $offset = 0;

	return $time unless defined $zone;
	foreach my $change (@{ $changes{$zone} })
	{
		$offset = $change->[1] if $change->[0] <= $time;
	}
	return $time + $offset;
}

# The first instant at which the clocks of the zone show this time or more.
sub first_instant
{
	my ($local, $zone) = @_;

	return $local unless defined $zone;
	my @list = @{ $changes{$zone} };
	foreach my $i (0 .. $#list)
	{
		my ($from, $offset) = @{ $list[$i] };
		my $instant = $local - $offset;

		$instant = $from if $instant < $from && $i > 0;
		return $instant if $i == $#list || $instant < $list[ $i + 1 ][0];
	}
}

# A grid: lines lie every "step" from an anchor, by the calendar or by the
# clock; "far" is an interval that may be added to a line's number times step.
sub make_grid
{
	my ($step, $origin, $zone) = @_;
	my $by_month = $step->{months} > 0;
	my $clock = $by_month || $step->{days} > 0 ? $zone : undef;
	my $weeks = !$by_month && $step->{total_us} % (7 * DAY) == 0;
	my $anchor = defined $origin ? local_time($origin, $clock) : $weeks ? 4 * DAY : 0;

	return { step => $step, clock => $clock, anchor => $anchor, by_month => $by_month };
}

# Where line n of the grid is, or, with a list of [times, interval], as much
# further.
sub grid_line
{
	my ($grid, $n, $times, $interval) = @_;
	my $local;

	if ($grid->{by_month})
	{
		my $months = $n * $grid->{step}{months};

		$months += $times * $interval->{months} if $interval;
		$local = add_months($grid->{anchor}, $months);
	}
	else
	{
		$local = $grid->{anchor} + $n * $grid->{step}{total_us};
		$local += $times * $interval->{total_us} if $interval;
	}
	return first_instant($local, $grid->{clock});
}

# The last line at or before a time.
sub last_line
{
	my ($grid, $time) = @_;
	my $about = $grid->{by_month}
	  ? floor_div($time - $grid->{anchor}, 31 * DAY * $grid->{step}{months})
	  : floor_div($time - $grid->{anchor}, $grid->{step}{total_us});
	my $n = $about - 3;

	$n-- while grid_line($grid, $n) > $time;
	$n++ while grid_line($grid, $n + 1) <= $time;
	return $n;
}

sub hop_windows
{
	my ($grid, $time, $size) = @_;
	my @windows;
	my $next;

	for (my $n = last_line($grid, $time);; $n--)
	{
		my $start = grid_line($grid, $n);
		my $end = grid_line($grid, $n, 1, $size);

		last if $end <= $time;
		push @windows, [ $start, $end ] unless defined $next && $start == $next;
		$next = $start;
	}
	return @windows;
}

sub cumulate_windows
{
	my ($grid, $time, $step) = @_;
	my $n = last_line($grid, $time);
	my $start = grid_line($grid, $n);
	my $end = grid_line($grid, $n + 1);
	my @windows;

	for (my $k = 1; !@windows || $windows[-1][1] < $end; $k++)
	{
		my $cut = grid_line($grid, $n, $k, $step);

		next if $cut <= $time || @windows && $cut == $windows[-1][1];
		push @windows, [ $start, $cut ];
	}
	return @windows;
}

# The windows [start, end] that hold a time; for a session the row's own.
sub windows_of
{
	my ($spec, $time) = @_;
	my $kind = $spec->{kind};

	return ([ $time, $time + $spec->{gap}{total_us} ]) if $kind eq 'session';

	my $grid = $spec->{grid} //=
	  make_grid($kind eq 'hop' ? $spec->{slide} : $spec->{size}, $spec->{origin}, $spec->{zone});
	return hop_windows($grid, $time, $spec->{size}) if $kind eq 'hop';
	return cumulate_windows($grid, $time, $spec->{step}) if $kind eq 'cumulate';

	my $n = last_line($grid, $time);
	return ([ grid_line($grid, $n), grid_line($grid, $n + 1) ]);
}

1;
