#
# bench/topic.d/Chart.pm
#	  Charts as SVG, to stand in a page.
#
# NOTES
#	  A chart is 480 units wide and takes the width that it is given, so that
#	  its text stays readable on a telephone.  Colours are classes, which the
#	  page's style sheet defines, once for light and once for dark; lines also
#	  differ in their dashes and bars have their value beside them, for print
#	  and for whoever sees no colours.
#
package Chart;

use strict;
use warnings;

use Exporter 'import';
use List::Util qw(max min sum);

our @EXPORT_OK = qw(escape line_chart bar_chart column_chart short);

my $width = 480;
my $text_width = 7.6;			# of a character, about, at 13 units

# Text for HTML and XML.
sub escape
{
	my ($text) = @_;

	$text =~ s/&/&amp;/g;
	$text =~ s/</&lt;/g;
	$text =~ s/>/&gt;/g;
	$text =~ s/"/&quot;/g;
	return $text;
}

# 1234567 as 1.23M
sub short
{
	my ($x) = @_;

	foreach my $unit ([ 1e9, 'G' ], [ 1e6, 'M' ], [ 1e3, 'k' ])
	{
		return sprintf('%.3g', $x / $unit->[0]) . $unit->[1] if abs($x) >= $unit->[0] * 0.9995;
	}
	return sprintf('%.3g', $x);
}

sub text
{
	my ($x, $y, $anchor, $text, $class) = @_;

	return sprintf('<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>',
		$x, $y, $anchor, $class ? qq( class="$class") : '', escape($text));
}

sub frame
{
	my ($height, $label, @parts) = @_;

	return sprintf(qq(<svg viewBox="0 0 %d %.0f" role="img" aria-label="%s">\n%s\n</svg>),
		$width, $height, escape($label), join("\n", @parts));
}

# Round steps that divide 0 … greatest into up to six; whole ones for counts.
sub ticks
{
	my ($greatest, $whole) = @_;
	my $step = 10**int(log(max($greatest, 1e-9) / 3) / log(10) - ($greatest < 3));

	foreach my $factor (1, 2, 5, 10, 20, 50)
	{
		if ($greatest / ($step * $factor) <= 5)
		{
			$step *= $factor;
			last;
		}
	}
	$step = 1 if $whole && $step < 1;
	my $n = int($greatest / $step + 0.999999) || 1;
	return map { $_ * $step } 0 .. $n;
}

# The words to the classes c0, c1 …, as many to a line as fit.
sub legend
{
	my ($y, $shape, @entries) = @_;
	my @parts;
	my $x = 0;

	foreach my $entry (@entries)
	{
		my $space = 34 + length($entry->{name}) * $text_width;

		if ($x > 0 && $x + $space > $width)
		{
			$x = 0;
			$y += 19;
		}
		push @parts, $shape eq 'line'
		  ? sprintf('<line class="line %s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>',
			$entry->{class}, $x, $y - 4, $x + 22, $y - 4)
		  : sprintf('<rect class="%s" x="%.1f" y="%.1f" width="14" height="11"/>',
			$entry->{class}, $x + 4, $y - 10);
		push @parts, text($x + 27, $y, 'start', $entry->{name});
		$x += $space;
	}
	return ($y, @parts);
}

# Lines over a common axis.  series: { name, class, points => [[x, y], …] };
# options: label, x_label, level => { name, class, y }, a level line.
sub line_chart
{
	my ($series, %option) = @_;
	my ($height, $left, $right, $top) = (230, 52, $width - 24, 30);
	my $bottom = $height - 40;
	my $level = $option{level};
	my @points = map { @{ $_->{points} } } @$series;
	my @x_ticks = ticks(max(map { $_->[0] } @points));
	my @y_ticks = ticks(max($level ? $level->{y} : 0, map { $_->[1] } @points));
	my $x_of = sub { $left + ($right - $left) * $_[0] / $x_ticks[-1] };
	my $y_of = sub { $bottom - ($bottom - $top) * $_[0] / $y_ticks[-1] };
	my @parts;

	foreach my $tick (@y_ticks)
	{
		push @parts, sprintf('<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>',
			$left, $y_of->($tick), $right, $y_of->($tick));
		push @parts, text($left - 6, $y_of->($tick) + 4, 'end', short($tick));
	}
	push @parts, text($left - 46, 14, 'start', $option{y_label});
	push @parts, map { text($x_of->($_), $bottom + 17, 'middle', short($_)) } @x_ticks;
	push @parts, text(($left + $right) / 2, $bottom + 34, 'middle', $option{x_label});
	if ($level)
	{
		push @parts, sprintf('<line class="line %s" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>',
			$level->{class}, $left, $y_of->($level->{y}), $right, $y_of->($level->{y}));
	}
	foreach my $line (@$series)
	{
		push @parts, sprintf('<polyline class="line %s" points="%s"/>', $line->{class},
			join(' ', map { sprintf('%.1f,%.1f', $x_of->($_->[0]), $y_of->($_->[1])) }
				@{ $line->{points} }));
	}
	my ($end, @legend) = legend($height + 14, 'line', @$series, $level ? $level : ());
	return frame($end + 6, $option{label}, @parts, @legend);
}

# Horizontal bars of parts that add up.  bars: { name, parts => [value, …] };
# options: label, names and classes of the parts, format of the sum.
sub bar_chart
{
	my ($bars, %option) = @_;
	my $classes = $option{classes};
	my $format = $option{format};
	my @sums = map { sum(@{ $_->{parts} }) } @$bars;
	my $left = 12 + $text_width * max(map { length $_->{name} } @$bars);
	my $right = $width - 14 - $text_width * max(map { length $format->($_) } @sums);
	my $greatest = max(@sums) || 1;
	my $y = 6;
	my @parts;

	foreach my $bar (@$bars)
	{
		my $x = $left;

		push @parts, text($left - 8, $y + 16, 'end', $bar->{name});
		foreach my $i (0 .. $#{ $bar->{parts} })
		{
			my $length = ($right - $left) * $bar->{parts}[$i] / $greatest;

			push @parts, sprintf('<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="22"/>',
				$bar->{class} || $classes->[$i], $x, $y, $length);
			$x += $length;
		}
		push @parts, text($x + 6, $y + 16, 'start', $format->(sum(@{ $bar->{parts} })));
		$y += 32;
	}
	return frame($y, $option{label}, @parts) unless $option{names};
	my ($end, @legend) = legend($y + 14, 'rect',
		map { { name => $option{names}[$_], class => $classes->[$_] } } 0 .. $#$classes);
	return frame($end + 6, $option{label}, @parts, @legend);
}

# Columns over named places.  series: { name, class, values => [value, …] };
# options: label, x_label, y_label, places => [name, …].
sub column_chart
{
	my ($series, %option) = @_;
	my ($height, $left, $right, $top) = (230, 52, $width - 24, 30);
	my $bottom = $height - 40;
	my @y_ticks = ticks(max(map { @{ $_->{values} } } @$series), 1);
	my $y_of = sub { $bottom - ($bottom - $top) * $_[0] / $y_ticks[-1] };
	my $step = ($right - $left) / @{ $option{places} };
	my $column = min($step * 0.8 / @$series, 36);
	# As many names as there is room for.
	my $every = int(max(map { length } @{ $option{places} }) * $text_width / $step) + 1;
	my @parts;

	foreach my $tick (@y_ticks)
	{
		push @parts, sprintf('<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>',
			$left, $y_of->($tick), $right, $y_of->($tick));
		push @parts, text($left - 6, $y_of->($tick) + 4, 'end', short($tick));
	}
	push @parts, text($left - 46, 14, 'start', $option{y_label});
	foreach my $i (0 .. $#{ $option{places} })
	{
		my $middle = $left + $step * ($i + 0.5);
		my $x = $middle - $column * @$series / 2;

		push @parts, text($middle, $bottom + 17, 'middle', $option{places}[$i]) if $i % $every == 0;
		foreach my $line (@$series)
		{
			my $y = $y_of->($line->{values}[$i]);

			push @parts, sprintf('<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>',
				$line->{class}, $x, $y, $column, $bottom - $y) if $line->{values}[$i] > 0;
			$x += $column;
		}
	}
	push @parts, text(($left + $right) / 2, $bottom + 34, 'middle', $option{x_label});
	my ($end, @legend) = legend($height + 14, 'rect', @$series);
	return frame($end + 6, $option{label}, @parts, @legend);
}

1;
