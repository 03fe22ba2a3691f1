# shellcheck shell=bash
#
# bench/folder.sh
#	  The folder that a benchmark runs in, and its end.
#
# NOTES
#	  To be sourced by bash after tools/lib.sh.  Kafka, PostgreSQL and all data
#	  are in one folder under /tmp, which belongs to an unprivileged user when
#	  we are root.  The folder is removed and what runs there is stopped when
#	  the script ends, however it does.
#
work=
as_user=(env)
trap 'end_all' EXIT
trap 'exit 130' INT TERM HUP

# Dies unless it is a positive whole number.
positive()
{
	case $1 in
		'' | 0* | *[!0-9]*) sa_die "not a positive number: \"$1\"" ;;
	esac
}

# build_all [--no-kafka]: builds what is measured and what it is measured with.
build_all()
{
	local commit

	"$sa_root/tools/setup" "$@" || exit 1
	[ "${1:-}" = --no-kafka ] || "$sa_root/tools/kafka" fetch || exit 1
	"$sa_root/tools/stage" release &&
		make -s -C "$sa_root/build/release/bench" || exit 1
	commit=$(git -C "$sa_root" describe --always --dirty 2>/dev/null)
	export BENCH_COMMIT=${commit:-unknown}
}

# make_folder [--no-kafka]: copies what runs to a folder that the unprivileged user
# owns.
make_folder()
{
	local stage=$sa_root/build/release user

	work=$(mktemp -d /tmp/stream_agg_bench.XXXXXX) || exit 1
	mkdir -p "$work/test" "$work/home" &&
		cp -a "$stage/pg" "$stage/env.sh" "$stage/tools" "$stage/bench" "$work/" &&
		cp -a "$stage/test/producer" "$stage/test/broker" "$work/test/" || exit 1
	[ "${1:-}" = --no-kafka ] || "$sa_root/tools/kafka" share "$work/kafka" || exit 1
	if [ "$(id -u)" -eq 0 ]; then
		user=$(sa_unprivileged_user)
		# The jars are links to the cache: they keep their owner.
		find "$work" -path "$work/kafka" -prune -o -print0 |
			xargs -0 chown -h "$user": || exit 1
		as_user=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --init-groups
			env "HOME=$work/home" "USER=$user" "LOGNAME=$user")
	fi
}

# Stops what is still running, and removes the folder.
end_all()
{
	[ -n "$work" ] && [ -d "$work" ] || return 0
	sa_stop_servers "$work"
	rm -rf "$work"
}
