
=pod

=head1 NAME

KafkaBroker - a real Kafka broker for a TAP test

=head1 SYNOPSIS

  my $broker = KafkaBroker->shared;          # one for all test files
  my $broker = KafkaBroker->new('own', tls => 1, sasl => 1);
  $broker->create_topic('clicks', 4);
  my $manifest = $broker->produce('clicks', '-n' => 200_000);
  $broker->kill; $broker->start;             # same ports, same data

=head1 DESCRIPTION

Starts brokers through tools/kafka and fills them with test/producer. The
shared broker is for tests that do nothing to the broker itself: it saves the
seconds that a start takes, and stops when tools/prove ends. Topics in it need
names of their own: topic_name() makes them.

=cut

package KafkaBroker;

use strict;
use warnings;

use Carp qw(croak);
use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use File::Temp ();
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More ();

my $root = abs_path(dirname(__FILE__) . '/../..');
my $manifests = 0;
my @own;

# Ends the test file, as skipped, where no broker is to be used.
sub skip_without_kafka
{
	Test::More::plan(skip_all => 'needs Kafka, and --no-kafka was given')
	  if ($ENV{STREAM_AGG_KAFKA} || 'yes') eq 'no';
	return;
}

# The broker that test files share, started by the first that asks for it.
sub shared
{
	my ($class) = @_;
	my $self = bless { dir => "$ENV{STREAM_AGG_STAGE}/tmp/kafka" }, $class;

	$self->_run('start')
	  unless -f "$self->{dir}/kafka.pid"
	  && kill(0, slurp_file("$self->{dir}/kafka.pid"));
	return $self;
}

# A broker of this test's own, stopped at its end. Options: tls, sasl.
sub new
{
	my ($class, $name, %options) = @_;
	my $self = bless {
		dir => "$PostgreSQL::Test::Utils::tmp_check/kafka_$name",
		options => [ map { "--$_" } sort grep { $options{$_} } keys %options ],
	}, $class;

	push @own, $self;
	$self->start;
	return $self;
}

# Starts the broker again, on the same ports and with the same data.
sub start
{
	my ($self) = @_;
	return $self->_run('start', @{ $self->{options} || [] });
}

sub stop { my ($self) = @_; return $self->_run('stop'); }
sub kill9 { my ($self) = @_; return $self->_run('kill'); }
sub pause { my ($self) = @_; return $self->_run('pause'); }
sub continue { my ($self) = @_; return $self->_run('continue'); }

# The address of a listener: plain, tls or sasl.
sub bootstrap
{
	my ($self, $listener) = @_;
	my $suffix = !$listener || $listener eq 'plain' ? '' : ".$listener";
	my $address = slurp_file("$self->{dir}/bootstrap$suffix");

	chomp $address;
	return $address;
}

# The certificate authority of the TLS listener, as PEM.
sub ca_pem
{
	my ($self) = @_;
	return slurp_file("$self->{dir}/tls/ca.pem");
}

# A topic name that no other test file uses.
sub topic_name
{
	my ($self, $name) = @_;
	my $file = basename($0, '.pl');

	$file =~ tr/A-Za-z0-9_/_/c;
	return "${file}_$name";
}

# create_topic(NAME, PARTITIONS, 'setting=value', …)
sub create_topic
{
	my ($self, @arguments) = @_;
	return $self->admin('create', @arguments);
}

# Runs a command of test/producer/sa_admin; returns what it prints.
sub admin
{
	my ($self, @arguments) = @_;
	return $self->_run('admin', @arguments);
}

# The offsets of a topic: partition => [first, end].
sub offsets
{
	my ($self, $topic) = @_;
	my %offsets;

	foreach (split /\n/, $self->admin('offsets', $topic))
	{
		my ($partition, $first, $end) = split /\t/;
		$offsets{$partition} = [ $first, $end ];
	}
	return \%offsets;
}

# produce(TOPIC, OPTION…): runs sa_producer to its end; returns the path of
# the manifest, for StreamAggTest::load_manifest().
sub produce
{
	my ($self, $topic, @options) = @_;
	my $manifest = $self->_new_manifest;

	_check_run([ $self->_producer($topic, $manifest, @options) ]);
	return $manifest;
}

# The same in the background; finish_producing() waits for it.
sub start_producing
{
	my ($self, $topic, @options) = @_;
	my $manifest = $self->_new_manifest;
	my $output = '';
	my $harness = IPC::Run::start(
		[ $self->_producer($topic, $manifest, @options) ],
		'<', \undef, '>', \$output, '2>&1');

	return { harness => $harness, manifest => $manifest, output => \$output };
}

# Waits for a background producer; returns the path of the manifest.
sub finish_producing
{
	my ($self, $producer) = @_;

	$producer->{harness}->finish
	  or croak "sa_producer failed: ${$producer->{output}}";
	return $producer->{manifest};
}

# Produces the given lines, "partition<TAB>key<TAB>value[<TAB>timestamp]" in
# COPY's text format.
sub produce_lines
{
	my ($self, $topic, @lines) = @_;
	my $manifest = $self->_new_manifest;

	_check_run([ $self->_producer($topic, $manifest, '--raw', '-X', 'message.max.bytes=67108864') ],
		join('', map { "$_\n" } @lines));
	return $manifest;
}

sub _producer
{
	my ($self, $topic, $manifest, @options) = @_;
	return ("$root/test/producer/sa_producer", '-b', $self->bootstrap,
		'-t', $topic, '-m', $manifest, @options);
}

sub _new_manifest
{
	$manifests++;
	return "$PostgreSQL::Test::Utils::tmp_check/"
	  . basename($0, '.pl') . "_manifest_$manifests";
}

# Runs tools/kafka for this broker; returns what it prints.
sub _run
{
	my ($self, $command, @arguments) = @_;
	return _check_run(
		[ "$root/tools/kafka", $command, $self->{dir}, @arguments ]);
}

# Runs a program, dies with its messages when it fails, returns its output.
# The output goes through files, since a broker would keep a pipe open.
sub _check_run
{
	my ($command, $input) = @_;
	my $out = File::Temp->new;
	my $err = File::Temp->new;

	$input = '' unless defined $input;
	IPC::Run::run($command, '<', \$input, '>', "$out", '2>', "$err")
	  or croak "@$command failed: " . slurp_file("$err");
	return slurp_file("$out");
}

END
{
	my $status = $?;

	foreach my $broker (@own)
	{
		eval { $broker->kill9 };
	}
	$? = $status;
}

1;
