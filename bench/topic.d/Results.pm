#
# bench/topic.d/Results.pm
#	  The figures that bench/topic.d/measure.sh has left, and what follows from
#	  them.
#
# NOTES
#	  One figure of several runs is their median, each figure by itself.  Rows
#	  of a run are the offsets that it passed times the messages per offset that
#	  the bare consumer found.
#
#	  The rate of a run is that from its first to its last commit, so without the
#	  start of its worker; of one with few batches, that of the whole run.
#
package Results;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(read_results median grouped bytes);

my %fields = (
	bare => [qw(run seconds cpu peak_kb messages bytes offsets)],
	run => [qw(run seconds offsets cpu_reader cpu_kafka peak_kb wal)],
	sample => [qw(run seconds offsets)],
	view => [qw(run view kind rows_in late dead p50 p99 open_windows)],
	table => [qw(run view table inserted updated hot bytes)],
	batch => [qw(run view bucket batches)],
	dead => [qw(run reason count)],
);

# The file as lists of lines by their kind, and the facts by name.
sub read_results
{
	my ($path) = @_;
	my %results = map { $_ => [] } keys %fields;

	open(my $file, '<:encoding(UTF-8)', $path) or die "$path: $!\n";
	while (my $line = <$file>)
	{
		chomp $line;
		my ($kind, @values) = split /\t/, $line, -1;

		if ($kind eq 'fact')
		{
			$results{fact}{ $values[0] } = $values[1];
			next;
		}
		my $names = $fields{$kind} or die "$path: unknown line: $line\n";
		die "$path: broken line: $line\n" if @values != @$names;
		my %entry;
		@entry{@$names} = @values;
		push @{ $results{$kind} }, \%entry;
	}
	close($file);
	die "$path: no run\n" unless @{ $results{run} } && @{ $results{bare} };
	derive(\%results);
	return \%results;
}

# What the figures of each run come to.
sub derive
{
	my ($results) = @_;
	my $density = median(map { $_->{messages} / $_->{offsets} } @{ $results->{bare} });
	my %bare = map { $_->{run} => $_ } @{ $results->{bare} };

	foreach my $bare (@{ $results->{bare} })
	{
		$bare->{rate} = $bare->{messages} / positive($bare->{seconds});
		$bare->{cpu_per_million} = $bare->{cpu} / $bare->{messages} * 1e6;
	}
	foreach my $run (@{ $results->{run} })
	{
		my $rows = $run->{offsets} * $density;
		my @commits = grep { $_->{run} eq $run->{run} && $_->{offsets} > 0 } @{ $results->{sample} };
		my $first = $commits[0];

		$run->{rows} = $rows;
		$run->{start} = $first->{seconds};
		$run->{whole_rate} = $rows / positive($run->{seconds});
		$run->{rate} =
		  @commits < 3
		  ? $run->{whole_rate}
		  : ($rows - $first->{offsets} * $density) / positive($run->{seconds} - $first->{seconds});
		$run->{ratio} = $run->{rate} / $bare{ $run->{run} }{rate};
		# A server elsewhere has no /proc to look at.
		foreach (qw(cpu_reader cpu_kafka))
		{
			$run->{"${_}_per_million"} = $run->{$_} / $rows * 1e6 if $run->{$_} ne '-';
		}
		$run->{peak_mb} = $run->{peak_kb} / 1024 if $run->{peak_kb} ne '-';
		$run->{wal_mb_per_million} = $run->{wal} / 1048576 / $rows * 1e6;
	}
	$_->{rows} = $_->{offsets} * $density foreach @{ $results->{sample} };
	return;
}

sub positive
{
	my ($seconds) = @_;
	return $seconds > 0.001 ? $seconds : 0.001;
}

# The median of what is defined; undef if nothing is.
sub median
{
	my @sorted = sort { $a <=> $b } grep { defined } @_;
	my $n = @sorted or return undef;

	return $n % 2 ? $sorted[ $n / 2 ] : ($sorted[ $n / 2 - 1 ] + $sorted[ $n / 2 ]) / 2;
}

# 1234567 as 1,234,567
sub grouped
{
	my ($x) = @_;
	my $text = sprintf('%.0f', $x);

	1 while $text =~ s/^(-?\d+)(\d{3})/$1,$2/;
	return $text;
}

# 1234567 as 1.2 MB
sub bytes
{
	my ($x) = @_;
	my @units = qw(bytes kB MB GB TB);

	while ($x >= 1024 && @units > 1)
	{
		$x /= 1024;
		shift @units;
	}
	return sprintf($units[0] eq 'bytes' ? '%.0f %s' : '%.1f %s', $x, $units[0]);
}

1;
