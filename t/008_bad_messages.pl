# Messages that can't be used become dead letters, each with where it came from,
# what it was and why; those around them go in.
use strict;
use warnings;

use Test::More;

use KafkaBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $broker = KafkaBroker->shared;
my $node = start_node('main');
my $topic = $broker->topic_name('things');
my $good = '{"i":1,"b":2,"f":0.5,"n":1.25,"t":"a","flag":true,'
  . '"d":"2026-01-01T00:00:01Z","j":{"x":[1]}}';
my $future = (gmtime)[5] + 1900 + 2;
my $large = 20 * 1024 * 1024;

# name => [value in COPY's format, SQLSTATE, whether the aggregate can use it: it
# doesn't read the column]. A value that is JSON differs from a good one in one
# field.
sub with
{
	my ($field, $value) = @_;
	my $changed = $good =~ s/"$field":("[^"]*"|\{.*?\}|[^,}]*)/"$field":$value/r;

	die "no field $field\n" if $changed eq $good;
	return $changed;
}
my %bad = (
	'cut off' => [ '{"i":1,"d":"2026-01-01T00:00:01Z"', '22P02' ],
	'not JSON' => [ 'hello', '22P02' ],
	'rubbish behind it' => [ "$good}", '22P02' ],
	'two documents' => [ "$good $good", '22P02' ],
	'an array' => [ "[$good]", '22P02' ],
	'empty' => [ '', '22P02' ],
	'a tombstone' => [ '\N', '\w{5}' ],
	'text for a number' => [ with('i', '"one"'), '22P02', 1 ],
	'an object for a number' => [ with('i', '{}'), '\w{5}', 1 ],
	'a fraction for an integer' => [ with('i', '1.5'), '22\w{3}', 1 ],
	'int out of range' => [ with('i', '2147483648'), '22003', 1 ],
	'bigint out of range' => [ with('b', '99999999999999999999'), '22003', 1 ],
	'float out of range' => [ with('f', '1e400'), '22003' ],
	'NaN' => [ with('f', 'NaN'), '22P02' ],
	'Infinity' => [ with('f', '-Infinity'), '22P02' ],
	'no boolean' => [ with('flag', '"maybe"'), '22P02', 1 ],
	'no time' => [ with('d', '"yesterday, I think"'), '22007' ],
	'no event time' => [ with('d', 'null'), '\w{5}' ],
	'event time missing' => [ '{"i":1}', '\w{5}' ],
	'event time infinite' => [ with('d', '"infinity"'), '\w{5}' ],
	'event time far ahead' =>
	  [ with('d', "\"$future-01-01T00:00:00Z\""), '\w{5}' ],
	'month 13' => [ with('d', '"2026-13-01T00:00:00Z"'), '22\w{3}' ],
	'invalid UTF-8' => [ with('t', '"\xff"'), '22\w{3}' ],
	'overlong UTF-8' => [ with('t', '"\xc0\xaf"'), '22\w{3}' ],
	'\u0000' => [ with('t', '"\\\\u0000"'), '22P05' ],
	'\u0000 in jsonb' => [ with('j', '{"x":"\\\\u0000"}'), '22P05', 1 ],
	'half a surrogate pair' => [ with('t', '"\\\\ud800"'), '22P02' ],
	'a NUL byte' => [ with('t', '"\x00"'), '22\w{3}' ],
	'100,000 levels' =>
	  [ with('j', ('[' x 100_000) . (']' x 100_000)), '\w{5}' ],
	'20 MB and not JSON' => [ '{"t":"' . ('x' x $large), '22P02' ],
);

$broker->create_topic($topic, 2, 'max.message.bytes=31457280');
my $bootstrap = $broker->bootstrap;
$node->safe_psql('postgres', <<EOF);
CREATE SERVER kafka FOREIGN DATA WRAPPER stream_agg
	OPTIONS (bootstrap_servers '$bootstrap');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
CREATE FOREIGN TABLE things (
	partition int OPTIONS (metadata 'partition'),
	"offset" bigint OPTIONS (metadata 'offset'),
	i int, b bigint, f float8, n numeric, t text, flag boolean, d timestamptz,
	j jsonb
) SERVER kafka OPTIONS (topic '$topic', format 'json', event_time 'd');
EOF
create_view($node, 'things_raw', 'SELECT * FROM things');
create_view($node, 'sums', <<'EOF');
SELECT window_start, window_end, count(*) AS n, sum(f) AS f, max(length(t)) AS t
FROM things, tumble(d, '1 hour') GROUP BY window_start, window_end
EOF

# A good message before and behind each bad one, in turns of partitions; a very
# large good one among them.
my @lines;
my @expected;
my $usable = 0;
foreach my $name (sort keys %bad)
{
	my ($value, $sqlstate, $for_sums) = @{ $bad{$name} };
	my $partition = @expected % 2;

	$usable++ if $for_sums;
	push @expected,
	  { name => $name, partition => $partition, sqlstate => $sqlstate };
	push @lines, "$partition\tkey-$name\t$value" =~ s/(key-)\\/$1\\\\/r,
	  "$partition\tgood\t$good";
}
push @lines, "0\tlarge\t" . with('t', '"' . ('x' x $large) . '"');
$broker->produce_lines($topic, "0\tgood\t$good", "1\tgood\t$good", @lines);
wait_for_views($node, 'things_raw', 'sums');

my $goods = @expected + 3;
my $counted = $goods + $usable;
is( $node->safe_psql('postgres',
		'SELECT count(*), count(DISTINCT (partition, "offset")), max(length(t)) FROM things_raw'),
	"$goods|$goods|$large",
	'all good rows are there, once, the large one too');
is( $node->safe_psql('postgres', 'SELECT n, f, t FROM sums'),
	join('|', $counted, $counted / 2, $large),
	'and counted, with those bad in a column that the aggregate does not read');
is( $node->safe_psql('postgres', 'SELECT count(*) FROM stream_agg.late_rows'),
	'0', 'no bad row moved the watermark');

my %next = (0 => 1, 1 => 1);
foreach my $case (@expected)
{
	my $offset = $next{ $case->{partition} };

	$next{ $case->{partition} } += 2;
	my $got = $node->safe_psql('postgres', <<EOF);
SELECT DISTINCT topic, convert_from(key, 'UTF8'), sqlstate, reason <> ''
FROM stream_agg.dead_letters
WHERE partition = $case->{partition} AND "offset" = $offset
EOF
	like($got, qr/^\Q$topic|key-$case->{name}\E\|$case->{sqlstate}\|t$/,
		"$case->{name}: a dead letter");
}
is( $node->safe_psql('postgres',
		'SELECT count(DISTINCT (partition, "offset")) FROM stream_agg.dead_letters'),
	scalar @expected, 'and there are no others');

# The message is kept as it came.
is( $node->safe_psql('postgres', <<'EOF'),
SELECT octet_length(value), encode(substr(value, 1, 5), 'escape')
FROM stream_agg.dead_letters WHERE key = 'key-20 MB and not JSON' LIMIT 1
EOF
	($large + 6) . '|{"t":',
	'the value of a large one is whole');
is( $node->safe_psql('postgres', <<'EOF'),
SELECT encode(value, 'hex') LIKE '%2274223a22ff22%'
FROM stream_agg.dead_letters WHERE key = 'key-invalid UTF-8' LIMIT 1
EOF
	't', 'so is one with wrong bytes');
is( $node->safe_psql('postgres', <<'EOF'),
SELECT value IS NULL FROM stream_agg.dead_letters
WHERE key = 'key-a tombstone' LIMIT 1
EOF
	't', 'and one without a value');

$node->stop;
done_testing();
