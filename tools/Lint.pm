#
# tools/Lint.pm
#	  What the lints share: which files there are, C without its comments,
#	  and one way to report.
#
package Lint;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(dirname);
use File::Find ();

our @EXPORT = qw(files slurp problem warning finish blank_c line_of);

my $problems = 0;

# All names are relative to the project's root.
chdir(abs_path(dirname(__FILE__) . '/..')) or die "$!\n";

# The files below the folders whose names match, sorted; none for a folder
# that isn't there.
sub files
{
	my ($pattern, @folders) = @_;
	my @found;

	@folders = grep { -d $_ } @folders or return;
	File::Find::find(
		{
			no_chdir => 1,
			wanted => sub { push @found, $_ if -f $_ && $_ =~ $pattern },
		},
		@folders);
	return sort @found;
}

sub slurp
{
	my ($path) = @_;

	open(my $file, '<', $path) or die "$path: $!\n";
	local $/ = undef;
	return scalar <$file>;
}

# Reports what makes the lint fail.
sub problem
{
	my ($path, $line, $text) = @_;

	print "$path:$line: $text\n";
	$problems++;
	return;
}

# Reports what somebody should look at.
sub warning
{
	my ($path, $line, $text) = @_;

	print "$path:$line: warning: $text\n";
	return;
}

# Ends the lint.
sub finish
{
	exit($problems > 0 ? 1 : 0);
}

# C with comments blanked, and, if asked for, the insides of string literals
# too; positions and lines stay as they are.
sub blank_c
{
	my ($text, $strings_too) = @_;

	$text =~ s{
		( /\*.*?\*/ | //[^\n]* )
		| ( "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)+' )
	}{
		my ($comment, $literal) = ($1, $2);
		defined $comment ? $comment =~ s/[^\n]/ /gr
		: $strings_too ? substr($literal, 0, 1) . ' ' x (length($literal) - 2) . substr($literal, -1)
		: $literal
	}gesx;
	return $text;
}

# The line number of a position in a text.
sub line_of
{
	my ($text, $position) = @_;
	return 1 + (substr($text, 0, $position) =~ tr/\n//);
}

1;
