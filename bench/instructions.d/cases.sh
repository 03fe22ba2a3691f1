# shellcheck shell=bash
#
# bench/instructions.d/cases.sh
#	  What bench/instructions counts: the cases, and the functions of each.
#
# NOTES
#	  To be sourced.  The functions are such as other files of src/ call: the
#	  compiler can't dissolve them, and they change seldom.  What a function
#	  calls is in its count.
#
#	  Rows come at 500 a second of event time from 1,000 users, in batches of
#	  10,000, so that a minute has 20,000 rows and two batches: a count per row
#	  has its share of merging groups and of settling windows.
#
cases=${BENCH_CASES:-decode tumble hop session load distinct}
columns="user_id text, page text, amount float8, event_time timestamptz, s bigint"
batch_rows=10000
start_s=1700000040				# a whole minute, in the past for any clock
step_us=3000

# The functions to count in a case.
functions_of()
{
	case $1 in
		decode) echo "sa_batch_check_rows sa_decoder_parse" ;;
		tumble) echo "sa_batch_check_rows sa_batch_apply_chunk sa_batch_finish" ;;
		*) echo "sa_batch_apply_chunk sa_batch_finish" ;;
	esac
}

# The query of a case over a relation: of the view over the stream, and of what
# the view must hold over a table with the same rows.
query_of()
{
	local by="window_start, window_end, user_id"
	local values="$by, count(*) AS n, max(amount) AS greatest, avg(s) AS average"

	case $1 in
		decode) echo "SELECT user_id, page, amount, event_time, s FROM $2" ;;
		tumble) echo "SELECT $values FROM $2, tumble(event_time, '1 minute') GROUP BY $by" ;;
		hop) echo "SELECT $values FROM $2, hop(event_time, '1 minute', '1 hour') GROUP BY $by" ;;
		session) echo "SELECT $values FROM $2, session(event_time, '2 s') GROUP BY $by" ;;
		load) echo "SELECT * FROM $2" ;;
		distinct)
			echo "SELECT $by, count(DISTINCT page) AS pages
				FROM $2, tumble(event_time, '1 minute') GROUP BY $by"
			;;
	esac
}

# The same for the expected content; plain SQL has no sessions.
expected_of()
{
	if [ "$1" != session ]; then
		query_of "$1" "$2"
		return
	fi
	echo "SELECT min(event_time), max(event_time) + interval '2 s', user_id, count(*),
			max(amount), avg(s)
		FROM (SELECT *, sum(begins) OVER (PARTITION BY user_id ORDER BY event_time) AS session
			FROM (SELECT *, (event_time - lag(event_time) OVER (PARTITION BY user_id
					ORDER BY event_time) <= interval '2 s' IS NOT TRUE)::int AS begins
				FROM $2) AS r) AS s
		GROUP BY user_id, session"
}

# Rows 1 … n; squares modulo a prime are as good as random, and always the same.
rows_of()
{
	echo "SELECT 'user-' || i * i % 999983 % 1000 AS user_id,
			'/page/' || i * i % 999979 % 50 AS page, i * 7 % 997 / 8.0::float8 AS amount,
			to_timestamp($start_s) + (i - 1) * interval '$step_us us' AS event_time, i AS s
		FROM generate_series(1, $1::bigint) AS i"
}
