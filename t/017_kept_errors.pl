# A value that can't be computed when its window ends: the worker's first try
# fails, the second leaves the value NULL, says so, and goes on, exactly once.
use strict;
use warnings;

use Test::More;

use KafkaBroker;
use StreamAggTest;

KafkaBroker::skip_without_kafka();

my $broker = KafkaBroker->shared;
my $node = start_node('main');
my $topic = $broker->topic_name('vectors');
my $bootstrap = $broker->bootstrap;
my $minutes = 40;

sub query { return $node->safe_psql('postgres', @_); }

# Two rows a minute, which in every tenth minute don't go together; in every
# twentieth a third row has no key.
sub event
{
	my ($minute, $second, $vector, $key) = @_;

	return sprintf qq(0\t\\N\t{"k": %s, "v": "%s", "t": "2026-01-01T00:%02d:%02dZ"}),
	  $key, $vector, $minute, $second;
}

my @lines;
for my $minute (0 .. $minutes - 1)
{
	push @lines, event($minute, 1, '{1}', '"a"'),
	  event($minute, 2, $minute % 10 == 3 ? '{{2}}' : '{2}', '"b"');
	push @lines, event($minute, 3, '{3}', 'null') if $minute % 20 == 5;
}
$broker->create_topic($topic, 1);
$broker->produce_lines($topic, @lines);

query(<<EOF);
CREATE SERVER kafka FOREIGN DATA WRAPPER stream_agg
	OPTIONS (bootstrap_servers '$bootstrap');
CREATE FOREIGN TABLE vectors (k text, v int[], t timestamptz)
	SERVER kafka OPTIONS (topic '$topic', event_time 't', batch_rows '25');
BEGIN;
CREATE MATERIALIZED VIEW raw WITH (stream_agg.continuous) AS SELECT * FROM vectors;
CREATE MATERIALIZED VIEW tumbled WITH (stream_agg.continuous) AS
	SELECT window_start, count(*), array_agg(v) AS v, jsonb_object_agg(k, v) AS j
	FROM vectors, tumble(t, '1 min') GROUP BY 1;
CREATE MATERIALIZED VIEW hopped WITH (stream_agg.continuous) AS
	SELECT window_start, count(*), array_agg(v) AS v
	FROM vectors, hop(t, '1 min', '2 min') GROUP BY 1;
COMMIT;
EOF
query(q{SELECT stream_agg.wait('vectors')});

is(query('SELECT count(*) FROM raw'), scalar @lines, 'another view has all rows');
is( query('SELECT count(*), sum(count), count(v), count(j) FROM tumbled WHERE is_final'),
	join('|', $minutes - 1, 2 * ($minutes - 1), $minutes - 5, $minutes - 1),
	'values that could not be computed are NULL, the others are there');
is( query(q{SELECT view, partition, count(*) FROM stream_agg.dead_letters GROUP BY 1, 2 ORDER BY 1::text, 2}),
	"hopped|-1|8\ntumbled|-1|4\ntumbled|0|2",
	'each has a dead letter, and so has each row without key');
is(query('SELECT count(*) FROM stream_agg.workers WHERE last_error IS NOT NULL'),
	'0', 'no worker has an error');

done_testing();
