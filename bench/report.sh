#!/usr/bin/env bash
#
# bench/report.sh
#	  Prints the results of the benchmark as tables.
#
# Usage: bench/report.sh plain|markdown FILE
#
# NOTES
#	  FILE is what bench/measure.sh has left, whose head describes the lines.
#	  The median of each figure is taken by itself.  The steady rate leaves out
#	  what a topic of one row takes: the start of the worker, its connection,
#	  the last flush.
#
set -u

tables=$(cat "$(dirname "${BASH_SOURCE[0]}")/tables.awk") || exit 1
awk -F '\t' -v format="${1:?format}" -v first_width=24 -v width=15 "$tables"'
	function throughput(name, title,    seconds, steady)
	{
		seconds = median(name, 1)
		steady = name == "bare" ? seconds : seconds - median("start", 1)
		line(title "|" grouped(rows / seconds) "|" grouped(rows / steady) "|" \
			sprintf("%.2f|%.2f|%.1f|%.0f|%.0f", median("bare", 1) / steady, \
				median(name, 2), median(name, 2) / rows * 1e6, \
				(median(name, 3) - median(name, 4)) / 1024, \
				median(name, 5) / 1048576 / rows * 1e6))
	}

	# A case with the share that it should reach; "": none.
	function target(name, title, share,    seconds)
	{
		seconds = median(name, 1) - (name == "plain" || name == "bare" ? 0 : median("start", 1))
		line(title "|" share "|" grouped(rows / seconds) "|" \
			sprintf("%.2f|%.2f|%.1f|%.0f|%.0f", median("plain", 1) / seconds, \
				median("bare", 1) / seconds, median(name, 2) / rows * 1e6, \
				(median(name, 3) - median(name, 4)) / 1024, \
				median(name, 5) / 1048576 / rows * 1e6))
	}

	function targets()
	{
		line("case|target|rows/s|of plain|of bare|CPU us/row|private MB|WAL MB/M rows", "---:")
		target("plain", "plain consumer", "")
		target("bare", "bare consumer", "")
		target("aggregate", "aggregate, 1,000 groups", ">= 0.9")
		target("minute_100k", "100,000 groups a minute", ">= 0.6")
		target("running_1m", "1 million live groups", ">= 0.4")
		target("minute", "tumble, 1 minute", "")
		target("hop_60", "hop, 60 windows a row", ">= 0.8 of tumble")
		target("session_100k", "session, 100,000 keys", ">= 0.5")
		target("load", "load", ">= 0.5")
		target("load_and_3", "load and three views", ">= 0.4")
		target("five", "five views", "> 0.5 of aggregate")
	}

	$1 == "run" { keep($2, 3) }
	$1 == "latency" { latency[++nlatencies] = $0 }

	END {
		rows = fact["rows"]
		conditions()
		if (fact["what"] != "targets")
			line("case|rows/s|steady rows/s|ratio to bare|CPU s|CPU us/row|private MB|WAL MB/M rows", "---:")
		if (fact["what"] == "targets")
		{
			targets()
			exit
		}
		throughput("bare", "bare consumer")
		if (fact["what"] == "windows")
		{
			throughput("tumble", "tumble, 1 minute")
			throughput("hop_1", "hop, 1 window a row")
			throughput("hop_10", "hop, 10 windows a row")
			throughput("hop_60", "hop, 60 windows a row")
			throughput("session", "session, gap 2 s")
			throughput("hop_distinct", "DISTINCT, hop of 60")
			throughput("distinct", "DISTINCT, all differ")
			throughput("percentile", "percentile_disc")
			exit
		}
		throughput("aggregate", "aggregate")
		throughput("load", "load")
		throughput("both", "load and aggregate")
		print ""
		printf "Start of a worker until one row is committed: %.0f ms.\n", median("start", 1) * 1000
		print ""
		line("flush_interval|rows|p50 ms|p99 ms|p99.9 ms|max ms", "---:")
		for (i = 1; i <= nlatencies; i++)
		{
			split(latency[i], f, "\t")
			line(f[2] "|" grouped(f[3]) "|" f[4] "|" f[5] "|" f[6] "|" f[7])
		}
		print ""
		printf "Latency at %s rows/s for %d s, from the Kafka timestamp to the commit timestamp.\n", \
			grouped(fact["rate"]), fact["seconds"]
	}' "${2:?file}"
