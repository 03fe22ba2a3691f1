#!/usr/bin/env bash
#
# bench/nexmark.d/report.sh
#	  Prints the results of bench/nexmark as tables.
#
# Usage: bench/nexmark.d/report.sh plain|markdown FILE
#
# NOTES
#	  FILE is what measure.sh has left, whose head describes the lines.  The
#	  median of each figure is taken by itself.  Events per second count all
#	  events of the topic, as is usual for Nexmark, and leave out what a topic of
#	  a few events takes: the start of a worker, or of a job.
#
set -u

tables=$(cat "$(dirname "${BASH_SOURCE[0]}")/../tables.awk") || exit 1
awk -F '\t' -v format="${1:?format}" -v first_width=16 -v width=18 "$tables"'
	# A figure, or nothing where there was no such run.
	function cell(fmt, query, side, figure, unit,    name)
	{
		name = query " " side
		return count[name] ? sprintf(fmt, median(name, figure) / unit) : ""
	}

	function speed(query, side,    name, start)
	{
		name = query " " side
		if (!count[name])
			return ""
		start = median("start " (side == "here" ? side : "flink"), 1)
		return grouped(rows / (median(name, 1) - start))
	}

	$1 == "run" {
		if (!($2 in known) && $2 != "start")
			queries[++nqueries] = $2
		known[$2]
		keep($2 " " $3, 4)
	}

	END {
		rows = fact["rows"]
		flink = "Flink" in fact
		print ""
		printf "%s events, runs of each: %d, commit %s, %s; %s, %s cores, %s; PostgreSQL %s", \
			grouped(rows), fact["runs"], fact["commit"], fact["date"], fact["processor"], \
			fact["cores"], fact["memory"], fact["PostgreSQL"]
		printf ", Kafka %s%s\n\n", fact["Kafka"], flink ? ", Flink " fact["Flink"] : ""
		line("query|seconds" (flink ? "|Flink|Flink to files" : "") "|events/s" \
			(flink ? "|Flink|Flink to files" : ""), "---:")
		for (i = 1; i <= nqueries; i++)
		{
			q = queries[i]
			line(q "|" cell("%.2f", q, "here", 1, 1) (flink ? "|" \
				cell("%.2f", q, "flink", 1, 1) "|" cell("%.2f", q, "files", 1, 1) : "") \
				"|" speed(q, "here") (flink ? "|" speed(q, "flink") "|" speed(q, "files") : ""))
		}
		print ""
		line("query|CPU s" (flink ? "|Flink|Flink to files" : "") "|peak MB" \
			(flink ? "|Flink|Flink to files" : ""), "---:")
		for (i = 1; i <= nqueries; i++)
		{
			q = queries[i]
			line(q "|" cell("%.1f", q, "here", 2, 1) (flink ? "|" \
				cell("%.1f", q, "flink", 2, 1) "|" cell("%.1f", q, "files", 2, 1) : "") \
				"|" cell("%.0f", q, "here", 3, 1024) (flink ? "|" \
				cell("%.0f", q, "flink", 3, 1024) "|" cell("%.0f", q, "files", 3, 1024) : ""))
		}
		print ""
		printf "Start, in the seconds and not in the rates: %s s", cell("%.2f", "start", "here", 1, 1)
		printf flink ? "; Flink %s s.\n" : "%s.\n", cell("%.2f", "start", "flink", 1, 1)
	}' "${2:?file}"
