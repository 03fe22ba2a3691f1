# shellcheck shell=bash
#
# tools/lib.sh
#	  What the scripts of this project share: where PostgreSQL is, free ports, an
#	  unprivileged user to run it as, and an end that leaves nothing running.
#
# NOTES
#	  To be sourced by bash.  PostgreSQL refuses to run as root, and the clone
#	  may be unreadable for anyone else; so a script that was started as root
#	  copies what it needs to a folder under /tmp, runs there as an
#	  unprivileged user, and takes back only the folder "log".  Everything that
#	  starts a server puts it below that folder, which is how
#	  sa_stop_servers() finds what an interrupted run has left behind: by the
#	  pid files, never by name.
#
sa_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

sa_say()
{
	printf '%s\n' "$*"
}

sa_die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Prints the pg_config to build with: $PG_CONFIG, or that of the newest
# installed version that has both a server and the files to build extensions,
# or the first in PATH.  Fails when there is none.
sa_pg_config()
{
	local candidate

	for candidate in ${PG_CONFIG:-} \
		$(ls -d /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -rV) \
		$(command -v pg_config); do
		candidate=$(command -v "$candidate") || continue
		if [ -x "$("$candidate" --bindir)/postgres" ] &&
			[ -f "$("$candidate" --pgxs)" ]; then
			printf '%s\n' "$candidate"
			return 0
		fi
		# An explicit choice is not silently replaced by another.
		[ -z "${PG_CONFIG:-}" ] || return 1
	done
	return 1
}

# Prints so many ports of 127.0.0.1 that are free, with blanks between.
sa_free_ports()
{
	perl -MIO::Socket::INET -e '
		my @s = map { IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)
			or die "no free port: $!\n" } 1 .. $ARGV[0];
		print join(" ", map { $_->sockport } @s), "\n"' "$1"
}

# Prints the user that servers run as when we are root.
sa_unprivileged_user()
{
	if id -u postgres >/dev/null 2>&1; then
		echo postgres
	else
		echo nobody
	fi
}

# Runs a command in a process group of its own and waits for it; SIGINT,
# SIGTERM and SIGHUP are passed on to the whole group, once.  Returns the
# command's exit code.
sa_run_group()
{
	local child rc=0

	setsid -- "$@" </dev/null &
	child=$!
	# shellcheck disable=SC2064
	trap "kill -TERM -- -$child 2>/dev/null" INT TERM HUP
	wait "$child" || rc=$?
	# A trapped signal ends wait early: the command is still finishing.
	while kill -0 "$child" 2>/dev/null; do
		wait "$child" || rc=$?
	done
	trap - INT TERM HUP
	return "$rc"
}

# Ends every server below DIR that left its pid in a file "*.pid" there.  A pid
# is believed only while the process still works below that folder.
sa_stop_servers()
{
	local dir=$1 file pid

	[ -d "$dir" ] || return 0
	while IFS= read -r file; do
		pid=$(head -n 1 "$file" 2>/dev/null)
		case $pid in '' | *[!0-9]*) continue ;; esac
		case $(readlink "/proc/$pid/cwd" 2>/dev/null)/ in
			"$dir"/*) ;;
			*) continue ;;
		esac
		# An immediate shutdown for PostgreSQL; others know no such thing.
		case $file in
			*/postmaster.pid) kill -QUIT "$pid" 2>/dev/null ;;
			*) kill -KILL "$pid" 2>/dev/null ;;
		esac
		for _ in $(seq 50); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "$pid" 2>/dev/null
	done < <(find "$dir" -name '*.pid' -type f)
	return 0
}

# Runs a command in DIR, as an unprivileged user if we are root; then in a
# copy of DIR, of which the folder "log" is taken back.  Servers left below
# DIR are stopped.  Returns the command's exit code.
sa_run_unprivileged()
{
	local dir=$1 user work rc=0
	shift

	mkdir -p "$dir/log"
	dir=$(cd "$dir" && pwd -P)
	if [ "$(id -u)" -ne 0 ]; then
		cd "$dir" || return 1
		sa_run_group "$@" || rc=$?
		sa_stop_servers "$dir"
		cd "$sa_root" || return 1
		return "$rc"
	fi

	user=$(sa_unprivileged_user)
	work=$(mktemp -d /tmp/stream_agg.XXXXXX) || return 1
	# shellcheck disable=SC2064
	trap "sa_stop_servers '$work'; rm -rf '$work'" EXIT
	cp -a "$dir/." "$work/" && mkdir -p "$work/home" &&
		chown -R "$user": "$work" || return 1
	cd "$work" || return 1
	sa_run_group setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups \
		env HOME="$work/home" USER="$user" LOGNAME="$user" \
		XDG_CACHE_HOME="$work/home/.cache" "$@" || rc=$?
	cd "$sa_root" || return 1
	rm -rf "$dir/log"
	cp -r "$work/log" "$dir/log"
	sa_stop_servers "$work"
	rm -rf "$work"
	trap - EXIT
	return "$rc"
}
