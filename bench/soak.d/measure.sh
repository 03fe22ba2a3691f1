#!/usr/bin/env bash
#
# bench/soak.d/measure.sh
#	  Runs the servers, has rows produced at a steady rate, and prints a line a
#	  minute, what came out of the comparison, and a summary.
#
# NOTES
#	  Called by bench/soak in a folder under /tmp that holds a copy of what is
#	  needed, as the user who owns that folder.
#
#	  A sample is one session a minute; its own CPU is in the summary.  It reads
#	  the rows that the minute has brought, for their latency, and so sets their
#	  hint bits, which autovacuum would have done later.
#
#	  The event time of a row is the time at which it is due, but for --smoke.
#
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tools/lib.sh
. ./env.sh
. bench/servers.sh

parts=$folder/bench/soak.d
rows=$BENCH_ROWS
few=100						# rows before, so that the start of the worker is not in it
hz=$(getconf CLK_TCK)

# line CELLS: one line of a table, with "|" between the cells.
line()
{
	local cell padded i out=
	local -a cells

	IFS='|' read -r -a cells <<<"$1"
	for i in "${!cells[@]}"; do
		cell=${cells[i]}
		if [ "$SOAK_FORMAT" = markdown ]; then
			out+="| $cell "
		else
			printf -v padded '%-*s' "${widths[i]}" "$cell"
			out+=$padded
		fi
	done
	[ "$SOAK_FORMAT" = plain ] || out+='|'
	sa_say "$out"
}

# head_line WIDTH CELLS: the first line of a table, which says how wide columns are,
# WIDTH at least, and the rule that Markdown wants.
head_line()
{
	local width=$1 cell
	local -a cells
	shift

	IFS='|' read -r -a cells <<<"$1"
	widths=()
	for cell in "${cells[@]}"; do
		widths+=($((${#cell} + 2 > width ? ${#cell} + 2 : width)))
	done
	line "$1"
	[ "$SOAK_FORMAT" = plain ] || sa_say "|${1//[!|]/}|" | sed 's/|/|---:/g; s/---:$//; s/---:/---/'
}

# script FILE [VARIABLE=VALUE…]: runs one of our SQL files.
script()
{
	local file=$1 variables=() variable
	shift

	for variable; do
		variables+=(-v "$variable")
	done
	psql -X -q -A -t -v ON_ERROR_STOP=1 "${variables[@]}" -f "$parts/$file" ||
		sa_die "$file failed: $(tail -n 5 postgres.log)"
}

# produce MANIFEST OPTION…
produce()
{
	local manifest=$1
	shift

	# Not in a function's subshell: what is started is the process to be stopped.
	exec sa_producer -b "$bootstrap" -t events -m "$manifest" --size "$size" --keys 20000 \
		--pages 1000 --disorder "$disorder" --start "$first_event" \
		--step-us $((1000000 * SOAK_SPEED / rate)) "$@"
}

taken()
{
	ask "SELECT coalesce(sum(next_offset), 0) FROM stream_agg.partitions
		WHERE stream = 'events'::regclass"
}

# Waits, up to a minute, until the reader has taken so many rows.
await_rows()
{
	for _ in $(seq 300); do
		[ "$(taken)" -lt "$1" ] || return 0
		sleep 0.2
	done
	sa_die "the reader has taken $(taken) of $1 rows"
}

# take_sample MINUTE: and its line, when there is a minute to speak of.
take_sample()
{
	script sample.sql "minute=$1" "hz=$hz" || exit 1
	[ "$(ask "SELECT count(DISTINCT pid) FROM sample")" = 1 ] ||
		sa_die "the reader was started anew: $(tail -n 5 postgres.log)"
	[ "$1" -eq 0 ] || line "$(ask "
		SELECT concat_ws('|', minute, rate::int, cpu::numeric(9,2), private_mb,
			p50::numeric(9,1), p99::numeric(9,1), greatest::numeric(9,1), wal::numeric(9,0),
			checkpoints - first_checkpoints, vacuums, hot::numeric(9,1),
			(SELECT string_agg(format('%s / %s', (bytes / 1048576.0)::numeric(9,1), dead),
					'|' ORDER BY view)
				FROM table_sample AS t WHERE t.minute = m.minute))
		FROM minutes AS m, (SELECT checkpoints FROM sample WHERE minute = 0)
			AS s (first_checkpoints)
		WHERE minute = $1")"
}

# What is measured where, and the head of the table of minutes.
print_head()
{
	local columns="min|rows/s|CPU s/M|private MB|p50 ms|p99 ms|max ms|WAL MB/M|checkpts|vacuums"
	local tables

	write_facts
	awk -F '\t' '$2 !~ /^(settings|rows|runs|size|partitions)$/ {
			printf "%s%s %s", sep, $2, $3; sep = ", " }
		END { print "" }' "$results"
	sa_say "$rate rows/s of $size bytes in $partitions partitions; index on the load: $SOAK_INDEX"
	sa_say "settings: $(ask "
		SELECT string_agg(name || ' = ' || current_setting(name), ', ' ORDER BY name)
		FROM pg_settings WHERE name IN ('max_wal_size', 'shared_buffers', 'checkpoint_timeout',
			'autovacuum', 'autovacuum_naptime', 'track_commit_timestamp')")"
	sa_say ""
	tables=$(ask "SELECT string_agg(view || ' MB / dead', '|' ORDER BY view)
		FROM stream_agg.continuous_view")
	head_line 8 "$columns|HOT %|$tables"
}

# The rows, and a sample at the end of each minute.
soak()
{
	local minute due producer

	produce events.manifest --first "$few" -n "$rows" --rate "$rate" &
	producer=$!
	echo "$producer" >producer.pid
	SECONDS=0
	for minute in $(seq "$SOAK_MINUTES"); do
		due=$((minute * SOAK_INTERVAL))
		[ "$SECONDS" -ge "$due" ] || sleep $((due - SECONDS))
		take_sample "$minute"
	done
	wait "$producer" || sa_die "the producer failed"
	rm producer.pid
	await_rows $((rows + few))
}

# Latency of all rows, once more and exactly, and what sampling took.
summary()
{
	local span=$((SOAK_MINUTES < 20 ? SOAK_MINUTES / 2 : 10))

	sa_say ""
	[ "$span" -eq 0 ] || {
		head_line 18 "figure|is|first $span min|last $span min|last / first"
		script report.sql "span=$span" | while IFS= read -r cells; do line "$cells"; done
		sa_say ""
	}
	head_line 12 "minutes in which   |minutes|CPU s/M|WAL MB/M|p50 ms|p99 ms|max ms"
	script checkpoints.sql | while IFS= read -r cells; do line "$cells"; done
	sa_say ""
	ask "SET work_mem = '512MB';
		WITH a AS (SELECT n, extract(epoch FROM pg_xact_commit_timestamp(writer) - produced_at)
				* 1000 AS ms
			FROM (SELECT xmin AS writer, produced_at, count(*) AS n
				FROM $(ask "SELECT stream_agg.data_table('load_rows')") WHERE s >= $few
				GROUP BY xmin, produced_at) AS g),
		o AS (SELECT ms, sum(n) OVER (ORDER BY ms) AS upto, sum(n) OVER () AS total FROM a)
		SELECT format('Latency of all %s rows: p50 %s, p99 %s, p99.9 %s, max %s ms.', max(total),
			(min(ms) FILTER (WHERE upto >= 0.5 * total))::numeric(9,1),
			(min(ms) FILTER (WHERE upto >= 0.99 * total))::numeric(9,1),
			(min(ms) FILTER (WHERE upto >= 0.999 * total))::numeric(9,1), max(ms)::numeric(9,1))
		FROM o"
	ask "SELECT format('Sampling took %s %% of a core.',
			(sum(own_cpu) / ($SOAK_MINUTES * $SOAK_INTERVAL) * 100)::numeric(9,2))
		FROM sample WHERE minute > 0"
}

# Dies unless the views hold what was produced, and every figure is there.
compare()
{
	local answer

	answer=$(script compare.sql) || exit 1
	rm first.manifest events.manifest
	grep -vq '|0$' <<<"$answer" &&
		sa_die "WRONG RESULT: rows that differ from what was produced: ${answer//$'\n'/, }"
	[ "$(grep -c '|0$' <<<"$answer")" = 6 ] || sa_die "not all was compared: $answer"
	[ "$(ask "SELECT count(*) = $SOAK_MINUTES AND every(rate > 0 AND cpu >= 0
			AND private_mb > 0 AND p50 > 0 AND p99 >= p50 AND wal > 0
			AND hot BETWEEN 0 AND 100) FROM minutes")" = t ] ||
		sa_die "a figure is missing"
	sa_say ""
	sa_say "All views hold what was produced: $((rows + few)) rows."
}

trap 'sa_stop_servers "$folder"' EXIT
trap 'exit 130' INT TERM HUP
: >"$results"
progress "starting PostgreSQL and Kafka"
start_postgres "max_wal_size = 1GB" "shared_buffers = 128MB" "checkpoint_timeout = 5min"
start_kafka
tools/kafka admin "$folder/broker" create events "$partitions" || exit 1
# With --smoke there is an hour for event time to run ahead.
first_event=$(date +%s)
[ "$SOAK_SPEED" -eq 1 ] || first_event=$((first_event - 3600))
script views.sql topic=events "with_index=$SOAK_INDEX" || exit 1
( produce first.manifest -n "$few" ) || exit 1
await_rows "$few"

print_head
take_sample 0
soak
compare
summary
