# shellcheck shell=bash
#
# tools/fetch.sh
#	  Gets what others publish, jars from Maven and Python packages from PyPI,
#	  and keeps it.
#
# NOTES
#	  To be sourced by bash after tools/lib.sh.  A folder of the cache is filled
#	  once, under another name, and renamed when all is there: it has a file
#	  "complete" then.  What can't be had ends the script, with the reason on the
#	  last line of standard error.
#

# Prints the folder that keeps what was fetched: the user's cache, or build/ if
# there is none to write to.
sa_cache_folder()
{
	local cache=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/stream_agg

	mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || cache=$sa_root/build/cache
	printf '%s\n' "$cache"
}

# sa_content_id FILE: names a folder of the cache by what is in a file, since
# clones in which it differs share the cache.
sa_content_id()
{
	cksum <"$1" | cut -d ' ' -f 1
}

# sa_fill_folder WHAT FOLDER COMMAND…: fills a folder by a command, whose last
# argument is the new folder.
sa_fill_folder()
{
	local what=$1 folder=$2 new error
	shift 2

	sa_say "fetching $what, once" >&2
	mkdir -p "$(dirname "$folder")"
	new=$(mktemp -d "$folder.XXXXXX") || exit 1
	if ! "$@" "$new" >"$new.log" 2>&1; then
		tail -n 20 "$new.log" >&2
		error=$(grep -m 1 ERROR "$new.log")
		rm -rf "$new" "$new".*
		sa_die "could not fetch $what${error:+: $error}"
	fi
	rm -rf "$new".* "$folder"
	chmod 755 "$new"
	touch "$new/complete"
	mv "$new" "$folder"
}

sa_copy_jars()
{
	local pom=$1 folder=$2 repository=()

	# A home that can't be written to has no place for Maven's repository.
	[ -w "${HOME:-/nonexistent}" ] || repository=("-Dmaven.repo.local=$folder.m2")
	mvn -B -q -f "$pom" "${repository[@]}" \
		org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory="$folder"
}

# sa_fetch_jars WHAT FOLDER POM: the jars that a pom.xml names.
sa_fetch_jars()
{
	[ ! -f "$2/complete" ] || return 0
	command -v mvn >/dev/null || sa_die "Maven is missing; run tools/setup"
	sa_fill_folder "$1" "$2" sa_copy_jars "$3"
}

sa_install_python()
{
	python3 -m pip install -q --no-compile "$1" --target "$2"
}

# sa_fetch_python FOLDER PACKAGE==VERSION: a Python package and what it needs.
sa_fetch_python()
{
	[ ! -f "$1/complete" ] || return 0
	python3 -m pip --version >/dev/null 2>&1 || sa_die "Python's pip is missing"
	sa_fill_folder "$2" "$1" sa_install_python "$2"
}

# sa_link_folder FROM TO: a copy by hard links, or by copying where these can't be.
sa_link_folder()
{
	cp -rl "$1" "$2" 2>/dev/null || { rm -rf "$2"; cp -r "$1" "$2"; }
}
