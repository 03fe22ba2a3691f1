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

awk -F '\t' -v format="${1:?format}" '
	# The median of the values of one figure of one query and system.
	function median(query, side, figure,    n, i, j, x, v)
	{
		n = count[query, side]
		for (i = 1; i <= n; i++)
		{
			x = values[query, side, figure, i]
			for (j = i; j > 1 && v[j - 1] > x; j--)
				v[j] = v[j - 1]
			v[j] = x
		}
		return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
	}

	# 1234567 as 1,234,567
	function grouped(x,    s, t)
	{
		s = sprintf("%.0f", x)
		while (length(s) > 3)
		{
			t = "," substr(s, length(s) - 2) t
			s = substr(s, 1, length(s) - 3)
		}
		return s t
	}

	# One line of a table, cells separated by "|"; a head has a rule below.
	function line(text, is_head,    n, i, cell, out)
	{
		n = split(text, cell, "|")
		for (i = 1; i <= n; i++)
			if (format == "markdown")
				out = out (i == 1 ? "| " : " | ") cell[i]
			else
				out = out sprintf(i == 1 ? "%-16s" : "%18s", cell[i])
		print out (format == "markdown" ? " |" : "")
		if (!is_head || format != "markdown")
			return
		out = "|---|"
		for (i = 2; i <= n; i++)
			out = out "---:|"
		print out
	}

	# A figure, or nothing where there was no such run.
	function cell(fmt, query, side, figure, unit)
	{
		return count[query, side] ? \
			sprintf(fmt, median(query, side, figure) / unit) : ""
	}

	function speed(query, side,    start)
	{
		if (!count[query, side])
			return ""
		start = median("start", side == "here" ? side : "flink", 1)
		return grouped(rows / (median(query, side, 1) - start))
	}

	$1 == "fact" { fact[$2] = $3 }
	$1 == "run" {
		if (!((2, $2) in known) && $2 != "start")
			queries[++nqueries] = $2
		known[2, $2]
		count[$2, $3]++
		for (i = 4; i <= NF; i++)
			values[$2, $3, i - 3, count[$2, $3]] = $i + 0
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
			(flink ? "|Flink|Flink to files" : ""), 1)
		for (i = 1; i <= nqueries; i++)
		{
			q = queries[i]
			line(q "|" cell("%.2f", q, "here", 1, 1) (flink ? "|" \
				cell("%.2f", q, "flink", 1, 1) "|" cell("%.2f", q, "files", 1, 1) : "") \
				"|" speed(q, "here") (flink ? "|" speed(q, "flink") "|" speed(q, "files") : ""))
		}
		print ""
		line("query|CPU s" (flink ? "|Flink|Flink to files" : "") "|peak MB" \
			(flink ? "|Flink|Flink to files" : ""), 1)
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
