# shellcheck shell=bash
#
# bench/peers.d/lib.sh
#	  What the peers' "prepare" and "run" scripts share.
#
# NOTES
#	  To be sourced by bash.  A peer is a folder with
#
#		about		shell variables: title, guarantee, and intervals: how often it
#					commits, in ms; the first is that of the throughput runs, each
#					has a latency run
#		prepare OUT	gets and builds into the folder OUT what "run" needs; fails with
#					the reason on the last line of standard error
#		setup.sql	makes what must be in its database before; result.sql by default
#		run BOOTSTRAP TOPIC ROWS CONNINFO INTERVAL
#					reads the topic from its beginning into "result" in that
#					database, until it has ROWS rows or, with 0, SIGTERM.  Peers that
#					know no end go on until SIGTERM in either case.  PEER_HOME is
#					what was prepared; the current folder is empty, for its state
#		teardown.sql	what must be done before its database can be dropped
#
#	  CONNINFO has no password: that is in PGPASSWORD.
#
. "$(dirname "${BASH_SOURCE[0]}")/../../tools/lib.sh"
peer=$(cd "$(dirname "$0")" && pwd)

# fetch_jars OUT: the jars of this peer's pom.xml in OUT/jars, from Maven, which
# is asked once; they are kept where tools/kafka keeps its own.
fetch_jars()
{
	local cache=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/stream_agg jars new

	command -v mvn >/dev/null || sa_die "Maven is missing"
	mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || cache=$sa_root/build/cache
	jars=$cache/$(basename "$peer")-$(cksum <"$peer/pom.xml" | cut -d ' ' -f 1)
	if [ ! -f "$jars/complete" ]; then
		mkdir -p "$cache"
		new=$(mktemp -d "$jars.XXXXXX") || exit 1
		mvn -B -q -f "$peer/pom.xml" \
			org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
			-DincludeScope=runtime -DoutputDirectory="$new" >"$new/log" 2>&1 ||
			{ grep -m 1 ERROR "$new/log" >&2; rm -rf "$new"; exit 1; }
		rm -rf "$new/log" "$jars"
		chmod 755 "$new"
		touch "$new/complete"
		mv "$new" "$jars"
	fi
	cp -rl "$jars" "$1/jars" 2>/dev/null || { rm -rf "$1/jars"; cp -r "$jars" "$1/jars"; }
}

# compile OUT: the Java files of this peer.
compile()
{
	javac -nowarn -proc:none -d "$1/classes" -cp "$1/jars/*" "$peer"/*.java
}

# A field of a connection string of libpq.
conninfo_field()
{
	sed -n "s/.*\b$2=\([^ ]*\).*/\1/p" <<<"$1"
}

# The same place for Java's driver.
jdbc_url()
{
	printf 'jdbc:postgresql://%s:%s/%s?user=%s' "$(conninfo_field "$1" host)" \
		"$(conninfo_field "$1" port)" "$(conninfo_field "$1" dbname)" \
		"$(conninfo_field "$1" user)"
}
