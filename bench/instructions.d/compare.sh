#!/usr/bin/env bash
#
# bench/instructions.d/compare.sh
#	  Prints counts as a table, next to those of a baseline.
#
# Usage: bench/instructions.d/compare.sh COUNTS [BASELINE]
#
# NOTES
#	  Both are files as bench/instructions.d/count.sh leaves them.  Exits with 1
#	  when a count is over 5 % above the baseline's, if that is of the same
#	  versions.
#
set -u

files=("${1:?file}")
[ ! -f "${2:-}" ] || files=("$2" "$1")
awk -F '\t' -v limit=5 -v counts="$1" -v baseline="${2:-}" '
	function line(name, what, now, before, change)
	{
		printf "%-10s %-22s %12s %12s %9s\n", name, what, now, before, change
	}

	FILENAME == baseline && $1 == "fact" { base_fact[$2] = $3 }
	FILENAME == baseline && $1 == "count" { base[$2, $3] = $4 }
	FILENAME == counts && $1 == "fact" { fact[$2] = $3 }
	FILENAME == counts && $1 == "count" { n++; name[n] = $2; what[n] = $3; count[n] = $4 }

	END {
		if (n == 0)
			exit 1
		same = base_fact["versions"] == fact["versions"] && base_fact["rows"] == fact["rows"]
		print fact["versions"]
		print ""
		line("case", "function", "instr./row", same ? "baseline" : "", same ? "change" : "")
		for (i = 1; i <= n; i++)
		{
			if (!same)
				line(name[i], what[i], count[i])
			else if (!((name[i], what[i]) in base))
				line(name[i], what[i], count[i], "-", "new")
			else
			{
				old = base[name[i], what[i]]
				change = (count[i] / old - 1) * 100
				line(name[i], what[i], count[i], old, sprintf("%+.1f %%", change))
				worse += change > limit
				better += change < -limit
			}
		}
		print ""
		if (baseline == "")
			exit
		if (!same)
			print "No baseline for these versions" \
				(base_fact["versions"] != "" ? "; there is one for " base_fact["versions"] : "") "."
		else
			print "Baseline of " base_fact["recorded"] "."
		if (better)
			print "Better by over " limit " %: bench/instructions --record makes it the baseline."
		if (worse)
		{
			print "WORSE: " worse " of " n " counts are over " limit " % above the baseline."
			exit 1
		}
	}' "${files[@]}"
