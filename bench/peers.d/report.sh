#!/usr/bin/env bash
#
# bench/peers.d/report.sh
#	  Prints the comparison with the peers as tables.
#
# Usage: bench/peers.d/report.sh plain|markdown FILE
#
# NOTES
#	  FILE is what bench/peers.d/measure.sh has left, whose head describes the
#	  lines.  The median of each figure is taken by itself.  "Steady" figures
#	  leave out what a topic of one row takes: the start of the peer.
#
set -u

tables=$(cat "$(dirname "${BASH_SOURCE[0]}")/../tables.awk") || exit 1
awk -F '\t' -v format="${1:?format}" -v first_width=28 -v width=15 "$tables"'
	# Steady figures mean nothing if the start is all that there is.
	function throughput(name,    start, seconds, steady, cpu)
	{
		start = name ".start"
		seconds = median(name, 1)
		steady = seconds - median(start, 1)
		cpu = median(name, 2) + median(name, 3) - median(start, 2) - median(start, 3)
		line(title[name] "|" sprintf("%.2f", seconds) "|" sprintf("%.2f", median(start, 1)) "|" \
			grouped(rows / seconds) "|" (steady > 0 ? grouped(rows / steady) : "-") "|" \
			(steady > 0 ? sprintf("%.2f", median("bare", 1) / steady) : "-") "|" \
			sprintf("%.2f", median(start, 2) + median(start, 3)) "|" \
			(cpu > 0 ? sprintf("%.2f", cpu / rows * 1e6) : "-") "|" \
			sprintf("%.0f", median(name, 4) / 1024))
	}

	$1 == "peer" { name[++npeers] = $2; title[$2] = $3; guarantee[$2] = $4 }
	$1 == "run" { keep($2, 3) }
	$1 == "latency" { latency[++nlatencies] = $0 }
	$1 == "missing" { missing[++nmissing] = $2 ": " $3 }

	END {
		rows = fact["rows"]
		conditions()
		line("peer|seconds|of these start|rows/s|steady rows/s|ratio to bare|start CPU s|" \
			"CPU s/M rows|private MB", "---:")
		line("bare consumer|" sprintf("%.2f", median("bare", 1)) "|-|" \
			grouped(rows / median("bare", 1)) "|" grouped(rows / median("bare", 1)) "|1.00|-|" \
			sprintf("%.2f", median("bare", 2) / rows * 1e6) "|" \
			sprintf("%.0f", median("bare", 3) / 1024))
		for (i = 1; i <= npeers; i++)
			throughput(name[i])
		for (i = 1; i <= nmissing; i++)
			print "\nNot available here: " missing[i]
		print ""
		line("peer|guarantee", "---")
		for (i = 1; i <= npeers; i++)
			line(title[name[i]] "|" guarantee[name[i]])
		if (nlatencies == 0)
			exit
		print ""
		line("peer|interval ms|rows|p50 ms|p99 ms|max ms", "---:")
		for (i = 1; i <= nlatencies; i++)
		{
			split(latency[i], f, "\t")
			line(title[f[2]] "|" f[3] "|" grouped(f[4]) "|" f[5] "|" f[6] "|" f[7])
		}
		print ""
		printf "Latency at %s rows/s for %d s, from the Kafka timestamp until a client sees the row" \
			" counted.\n", grouped(fact["rate"]), fact["seconds"]
	}' "${2:?file}"
