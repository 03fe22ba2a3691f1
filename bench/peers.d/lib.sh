# shellcheck shell=bash
#
# bench/peers.d/lib.sh
#	  What the peers' "prepare" and "run" scripts share.
#
# NOTES
#	  To be sourced by bash.  A peer is a folder with
#
#		about		shell variables: title, guarantee, and intervals, how often it
#					commits, in ms; the first is that of the throughput runs, each
#					has a latency run, but with latency=no
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
. "$sa_root/tools/fetch.sh"
peer=$(cd "$(dirname "$0")" && pwd)

# fetch_jars OUT: the jars of this peer's pom.xml in OUT/jars.
fetch_jars()
{
	local name jars

	name=$(basename "$peer")
	jars=$(sa_cache_folder)/$name-$(sa_content_id "$peer/pom.xml")
	sa_fetch_jars "the jars of $name" "$jars" "$peer/pom.xml"
	sa_link_folder "$jars" "$1/jars"
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

# fetch_python OUT PACKAGE==VERSION: a Python package and what it needs in
# OUT/python.
fetch_python()
{
	local packages

	packages=$(sa_cache_folder)/$2
	sa_fetch_python "$packages" "$2"
	sa_link_folder "$packages" "$1/python"
}
