# shellcheck shell=bash
#
# bench/targets.sh
#	  The cases that the project has set itself targets for.
#
# NOTES
#	  To be sourced by bench/measure.sh.  Three topics of the same rows but for
#	  their users: 1,000 of them in half an hour of event time ("events"),
#	  100,000 with a million rows a minute ("many"), a million in half an hour
#	  ("most").
#
#	  The target of a case is a share of what a consumer reads that does nothing;
#	  bench/report.sh names it.  There are two such consumers: a plain one, as
#	  librdkafka's documentation shows it, and the bare one, which is tuned like
#	  ours.
#
many_keys=100000
many_step_us=60
most_keys=1000000
groups="count(*) AS n, avg(amount) AS average, max(amount) AS greatest"

# group_view NAME FUNCTION: one more view by window and user.
group_view()
{
	printf '%s' "CREATE MATERIALIZED VIEW $1 WITH (stream_agg.continuous) AS
		SELECT window_start, window_end, user_id, $groups
		FROM events, $2 GROUP BY window_start, window_end, user_id;"
}

running_view()
{
	printf '%s' "CREATE MATERIALIZED VIEW running_view WITH (stream_agg.continuous) AS
		SELECT user_id, $groups FROM events GROUP BY user_id;"
}

# load_rows TOPIC: what was produced, as a table of that name.
load_rows()
{
	psql -X -q -v ON_ERROR_STOP=1 <<-END || sa_die "could not load the rows of \"$1\""
		CREATE TABLE $1 (LIKE manifest);
		\\copy $1 FROM '$1.manifest'
	END
	rm "$1.manifest"
}

# expect TABLE KEYS FROM: what a view with these keys must hold.
expect()
{
	ask "CREATE TABLE $1 AS SELECT $2, $groups FROM $3 GROUP BY $2" || exit 1
}

# Sessions of half a minute, as plain SQL has to write them.
expect_sessions()
{
	ask "CREATE TABLE expected_sessions AS
		SELECT min(event_time) AS window_start,
			max(event_time) + interval '30 s' AS window_end, user_id, $groups
		FROM (SELECT *, sum(begins) OVER (PARTITION BY user_id ORDER BY event_time) AS session
			FROM (SELECT *, CASE WHEN event_time - lag(event_time) OVER (PARTITION BY user_id
					ORDER BY event_time) <= interval '30 s' THEN 0 ELSE 1 END AS begins
				FROM many) AS r) AS s
		GROUP BY user_id, session" || exit 1
}

# check_groups VIEW TABLE KEYS: dies unless they hold the same; avg() up to rounding.
check_groups()
{
	local differ

	differ=$(ask "SELECT count(*) FROM $2 AS e FULL JOIN $1 AS v USING ($3)
		WHERE (e.n, e.greatest) IS DISTINCT FROM (v.n, v.greatest)
			OR (abs(e.average - v.average) <= 1e-9 * e.average) IS NOT TRUE")
	[ "$differ" = 0 ] ||
		sa_die "WRONG RESULT: $differ groups of $1 differ from what was produced"
}

measure_plain()
{
	local messages seconds cpu

	settle
	read -r messages seconds cpu < <(bench/plain_consumer "$bootstrap" events)
	[ "${messages:-}" = "$BENCH_ROWS" ] ||
		sa_die "WRONG RESULT: the plain consumer read ${messages:-no} messages"
	printf 'run\tplain\t%s\t%s\t0\t0\t0\n' "$seconds" "$cpu" >>"$results"
	progress "  plain: $seconds s"
}

# target CASE TOPIC DDL [VIEW TABLE KEYS]…: a case, and what its views must hold.
target()
{
	local name=$1
	measure "$1" "$2" "$3"
	shift 3

	while [ $# -gt 0 ]; do
		check_groups "$1" "$2" "$3"
		shift 3
	done
	case $name in load*) check_load ;; esac
	check_no_rejects
	drop_stream
}

prepare_targets()
{
	fill many "$BENCH_ROWS" "$many_keys" $((BENCH_ROWS * many_step_us))
	fill most "$BENCH_ROWS" "$most_keys" "$spread_us"
	load_rows many
	load_rows most
	expect expected_running user_id manifest
	expect expected_minute "$window" "manifest, tumble(event_time, '1 minute')"
	expect expected_10_minutes "$window" "manifest, tumble(event_time, '10 minutes')"
	expect expected_hour "$window" "manifest, tumble(event_time, '1 hour')"
	expect expected_hop "$window" "manifest, hop(event_time, '1 minute', '1 hour')"
	expect expected_many "$window" "many, tumble(event_time, '1 minute')"
	expect expected_most user_id most
	expect_sessions
	ask "ANALYZE" || exit 1
}

measure_targets()
{
	local window="window_start, window_end, user_id" minute aggregate

	prepare_targets
	minute=$(group_view minute_view "tumble(event_time, '1 minute')")
	aggregate=(aggregate_view expected_windows "$window")
	bench/bare_consumer "$bootstrap" events >/dev/null || exit 1
	for run in $(seq "$BENCH_RUNS"); do
		progress "run $run of $BENCH_RUNS"
		measure_plain
		measure_bare
		measure start one_row "$(aggregate_view)"
		drop_stream
		target aggregate events "$(aggregate_view)" "${aggregate[@]}"
		target minute_100k many "$minute" minute_view expected_many "$window"
		target running_1m most "$(running_view)" running_view expected_most user_id
		target minute events "$minute" minute_view expected_minute "$window"
		target hop_60 events "$(group_view hop_view "hop(event_time, '1 minute', '1 hour')")" \
			hop_view expected_hop "$window"
		target session_100k many "$(group_view session_view "session(event_time, '30 s')")" \
			session_view expected_sessions "$window"
		target load events "$(load_view)"
		target load_and_3 events "$(load_view) $(aggregate_view) $minute $(running_view)" \
			"${aggregate[@]}" minute_view expected_minute "$window" \
			running_view expected_running user_id
		target five events "$(aggregate_view) $minute $(running_view)
			$(group_view view_4 "tumble(event_time, '10 minutes')")
			$(group_view view_5 "tumble(event_time, '1 hour')")" \
			"${aggregate[@]}" minute_view expected_minute "$window" \
			running_view expected_running user_id \
			view_4 expected_10_minutes "$window" view_5 expected_hour "$window"
	done
}
