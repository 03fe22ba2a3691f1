
=pod

=head1 NAME

MockBroker - librdkafka's mock cluster for a TAP test

=head1 SYNOPSIS

  my $mock = MockBroker->new(3);
  $mock->command('topic clicks 4');
  $mock->command('errors 1 6 10');   # ten fetches: not the leader
  create_events($node, $mock, 'clicks', 'clicks');

=head1 DESCRIPTION

For faults that a real broker can't be made to have; see
test/broker/sa_mockbroker.c for the commands. Offers bootstrap() and produce()
as KafkaBroker does. Ends with the test.

=cut

package MockBroker;

use strict;
use warnings;

use parent -norequire, 'KafkaBroker';

use Carp qw(croak);
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run ();
use KafkaBroker;
use PostgreSQL::Test::Utils;

my $root = abs_path(dirname(__FILE__) . '/../..');

# Starts a cluster of so many brokers.
sub new
{
	my ($class, $brokers) = @_;
	my $self = bless { in => '', out => '', err => '' }, $class;

	$self->{harness} = IPC::Run::start(
		[ "$root/test/broker/sa_mockbroker", $brokers || 1 ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err},
		IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default));
	$self->{bootstrap} = $self->_answer;
	return $self;
}

sub bootstrap { my ($self) = @_; return $self->{bootstrap}; }

# Gives one command; dies with the answer if it isn't "ok".
sub command
{
	my ($self, $command) = @_;

	$self->{in} .= "$command\n";
	my $answer = $self->_answer;
	croak "mock broker, $command: $answer" unless $answer eq 'ok';
	return;
}

# Ends the cluster.
sub stop
{
	my ($self) = @_;

	delete($self->{harness})->finish if $self->{harness};
	return;
}

# The next line that the program prints.
sub _answer
{
	my ($self) = @_;

	$self->{harness}->pump
	  until $self->{out} =~ /\n/ || !$self->{harness}->pumpable;
	$self->{out} =~ s/^(.*)\n// or croak "mock broker died: $self->{err}";
	return $1;
}

1;
