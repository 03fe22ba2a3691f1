#
# bench/topic.d/Tables.pm
#	  The results as tables, for the page and for the terminal.
#
# NOTES
#	  A table is a title, the head, and rows; all cells are text.  Cells after
#	  the first are figures and stand at the right, but where "text" says that
#	  they are words.
#
package Tables;

use strict;
use warnings;
use utf8;

use Exporter 'import';
use FindBin;
use lib $FindBin::Bin;
use Results qw(median grouped bytes);

our @EXPORT_OK = qw(tables summary);

# A figure with so many decimals, or a dash.
sub figure
{
	my ($x, $decimals) = @_;

	return '–' if !defined $x || $x eq '' || $x eq '-';
	return $decimals ? sprintf("%.${decimals}f", $x) : grouped($x);
}

sub median_of
{
	my ($entries, $name) = @_;
	return median(map { $_->{$name} } @$entries);
}

# Entries of the last run: counts are the same in all.
sub last_run
{
	my ($entries) = @_;
	return grep { $_->{run} eq $entries->[-1]{run} } @$entries;
}

# One sentence.
sub summary
{
	my ($results) = @_;
	my $runs = $results->{run};

	return sprintf('%s rows/s, %.2f of what a bare consumer reads.',
		grouped(median_of($runs, 'rate')), median_of($runs, 'ratio'));
}

sub tables
{
	my ($results) = @_;
	return (runs_table($results), views_table($results), data_table($results),
		dead_table($results), setting_table($results));
}

sub runs_table
{
	my ($results) = @_;
	my $bare = $results->{bare};
	my $runs = $results->{run};
	my $cpu_bare = median_of($bare, 'cpu_per_million');
	my @rows = ([
		'bare consumer', figure(median_of($bare, 'messages')), figure(median_of($bare, 'rate')),
		'1.00', '–', figure(median_of($bare, 'seconds'), 2), '–', figure($cpu_bare, 2),
		figure(median_of($bare, 'peak_kb') / 1024), '0' ]);

	foreach my $run (@$runs)
	{
		push @rows, run_row("run $run->{run}", [$run]);
	}
	push @rows, run_row('median', $runs) if @$runs > 1;
	return {
		title => 'Runs',
		head => [
			'', 'rows', 'rows/s', 'ratio to bare', 'first rows after s', 'all after s',
			'reader CPU s/M rows', 'librdkafka CPU s/M rows', 'private MB', 'WAL MB/M rows' ],
		rows => \@rows,
	};
}

sub run_row
{
	my ($title, $runs) = @_;

	return [
		$title,
		figure(median_of($runs, 'rows')),
		figure(median_of($runs, 'rate')),
		figure(median_of($runs, 'ratio'), 2),
		figure(median_of($runs, 'start'), 2),
		figure(median_of($runs, 'seconds'), 2),
		figure(median_of($runs, 'cpu_reader_per_million'), 2),
		figure(median_of($runs, 'cpu_kafka_per_million'), 2),
		figure(median_of($runs, 'peak_mb')),
		figure(median_of($runs, 'wal_mb_per_million')) ];
}

sub views_table
{
	my ($results) = @_;

	return {
		title => 'Views, in the last run',
		head => [
			'view', 'kind', 'rows in', 'late', 'dead', 'open windows',
			'batch p50 ms', 'batch p99 ms' ],
		rows => [
			map {
				[   $_->{view}, $_->{kind},
					figure($_->{rows_in}), figure($_->{late}), figure($_->{dead}),
					figure($_->{open_windows}), figure($_->{p50}, 1), figure($_->{p99}, 1) ]
			} last_run($results->{view})
		],
	};
}

sub data_table
{
	my ($results) = @_;

	return {
		title => 'Tables behind the views, in the last run',
		head => [ 'table', 'view', 'inserted', 'updated', 'HOT updates', 'size' ],
		rows => [
			map {
				[   $_->{table}, $_->{view}, figure($_->{inserted}), figure($_->{updated}),
					$_->{updated} > 0 ? sprintf('%.0f %%', $_->{hot} / $_->{updated} * 100) : '–',
					bytes($_->{bytes}) ]
			} last_run($results->{table})
		],
	};
}

sub dead_table
{
	my ($results) = @_;
	my @dead = @{ $results->{dead} } ? last_run($results->{dead}) : ();

	@dead = grep { $_->{run} eq $results->{run}[-1]{run} } @dead;
	return {
		title => 'Dead letters, in the last run',
		head => [ 'reason, of one message', 'messages' ],
		rows => [ map { [ $_->{reason}, figure($_->{count}) ] } @dead ],
		none => 'None: every message could be used.',
	};
}

sub setting_table
{
	my ($results) = @_;
	my $fact = $results->{fact};
	my $bytes = median(map { $_->{bytes} / $_->{messages} } @{ $results->{bare} });

	return {
		title => 'What was measured, where',
		text => 1,
		head => [ 'what', '' ],
		rows => [
			[ 'topic', "$fact->{topic} at $fact->{bootstrap}, " . grouped($fact->{available})
				. " offsets in $fact->{partitions} partitions" ],
			[ 'message', sprintf('%.0f bytes of key and value', $bytes) ],
			[ 'definition', "$fact->{definition}, stream $fact->{stream}" ],
			[ 'processor', "$fact->{processor}, $fact->{cores} cores" ],
			[ 'memory, kernel', "$fact->{memory}, $fact->{kernel}" ],
			[ 'versions', "PostgreSQL $fact->{PostgreSQL}, librdkafka $fact->{librdkafka}" ],
			[ 'date, commit', "$fact->{date}, $fact->{commit}" ],
		],
	};
}

1;
