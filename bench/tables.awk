# bench/tables.awk
#	  What the reports of the benchmarks share: the figures that were read, their
#	  medians, and tables.
#
# NOTES
#	  To be put before a report's own program, with tab as the separator and the
#	  variables format, "plain" or "markdown", and first_width and width, the
#	  columns of plain text that the first cell of a line and the others take.
#
#	  Facts are read here.  What else a line of the results says is up to the
#	  report, which calls keep() for the figures of a run.
#
$1 == "fact" { fact[$2] = $3 }

# One more run of a case, whose figures are the fields from this one on.
function keep(name, field,    i)
{
	count[name]++
	for (i = field; i <= NF; i++)
		values[name, i - field + 1, count[name]] = $i + 0
}

# The median of the values of one figure of one case.
function median(name, figure,    n, i, j, x, v)
{
	n = count[name]
	for (i = 1; i <= n; i++)
	{
		x = values[name, figure, i]
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

# One line of a table, cells separated by "|"; a head has a rule below, with the
# alignment of all columns but the first.
function line(text, alignment,    n, i, cells, out)
{
	n = split(text, cells, "|")
	for (i = 1; i <= n; i++)
		if (format == "markdown")
			out = out (i == 1 ? "| " : " | ") cells[i]
		else
			out = out sprintf(i == 1 ? "%-" first_width "s" : "%" width "s", cells[i])
	print out (format == "markdown" ? " |" : "")
	if (alignment == "" || format != "markdown")
		return
	out = "|---|"
	for (i = 2; i <= n; i++)
		out = out alignment "|"
	print out
}

# The table of where, on what and with what was measured.
function conditions()
{
	print ""
	line("machine| ", "---")
	line("processor, cores|" fact["processor"] ", " fact["cores"])
	line("memory, kernel|" fact["memory"] ", " fact["kernel"])
	line("versions|PostgreSQL " fact["PostgreSQL"] ", librdkafka " fact["librdkafka"] \
		", Kafka " fact["Kafka"])
	line("settings|" fact["settings"])
	line("date, commit|" fact["date"] ", " fact["commit"])
	line("topic|" grouped(fact["rows"]) " rows in " fact["partitions"] " partitions, " \
		sprintf("%.0f", fact["bytes"] / fact["rows"]) " bytes of key and value each")
	line("runs|" fact["runs"] ", medians")
	print ""
}
