# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: MIT
#
# What every case sources first: a private directory, mounts whose daemons must end well, and the
# clearing away of both, however the case ends. A case exits 0: passed, 77: cannot run here, else:
# failed, and then its logs stay in $LOG_DIR.
#
#	$T	private directory	$IMG	$T/image	$MNT	$T/mnt, an empty directory
#
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
. "$here/../lib.sh"
CASE=$test_name
BUILD=${BUILD:-$here/../../build}
CANISTERFS=$BUILD/canisterfs
FSPROBE=$BUILD/tests/mount/fsprobe
LOG_DIR=$BUILD/meson-logs/mount
PAGE=65536
export LC_ALL=C ASAN_OPTIONS="${ASAN_OPTIONS:-}:halt_on_error=1:exitcode=99"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-}:halt_on_error=1:print_stacktrace=1"

# Runs the words at the end of the case, the last given first.
cleanups=()
cleanup_fn() {
	cleanups=("$(printf '%q ' "$@")" "${cleanups[@]}")
}

at_exit() {
	local rc=$? line mnt
	set +e
	trap '' INT TERM HUP
	for mnt in "${!daemon_of[@]}"; do
		kill -KILL "${daemon_of[$mnt]}" 2>/dev/null
		unmount -l "$mnt" 2>/dev/null
	done
	for line in "${cleanups[@]}"; do
		eval "$line"
	done
	if [ "$rc" != 0 ] && [ "$rc" != 77 ]; then
		mkdir -p "$LOG_DIR/$CASE"
		cp "$T"/*.log "$LOG_DIR/$CASE" 2>/dev/null
		grep -h '' "$T"/*.log 2>/dev/null | tail -n 20 >&2
		echo "$CASE: failed with $rc; logs are in $LOG_DIR/$CASE" >&2
	fi
	cd /
	rm -rf "$T"
	exit "$rc"
}

# A daemon's log must be empty but for lines that match one of these, as a whole.
expected=
expect_log() {
	expected+="|$1"
}

# Scratch file NAME is there at the end of the mount, and again at the next.
expect_scratch() {
	expect_log "canisterfs: .*: scratch file '($1)' of [0-9]+ bytes is (kept in .*|back)"
}

check_log() {
	local odd
	odd=$(grep -Evx "$expected" "$1" || true)
	[ -z "$odd" ] || fail "the daemon said: $odd"
}

# start [WORDS...]: mounts $IMG on $MNT, in the foreground, with more words for the command line.
# start_on IMAGE DIR [WORDS...]: another one.
declare -A daemon_of=() log_of=()
start() {
	start_on "$IMG" "$MNT" "$@"
}

start_on() {
	local img=$1 mnt=$2 log
	shift 2
	log=$(mktemp "$T/daemon-XXXXXX.log")
	# The shell has what it starts behind & ignore INT, and nohup whatever it starts ignore HUP.
	env --default-signal=INT,TERM,HUP "$CANISTERFS" mount -f "$img" "$mnt" "$@" >"$log" 2>&1 &
	daemon_of[$mnt]=$!
	log_of[$mnt]=$log
	until_mounted "$mnt" "${daemon_of[$mnt]}" "$log"
}

# stop [DIR]: unmounts; the daemon must end with 0 and have said nothing unexpected.
stop() {
	unmount "${1:-$MNT}"
	ended "${1:-$MNT}"
}

# ended [DIR]: the same for a daemon that has been told to end.
ended() {
	local mnt=${1:-$MNT} rc=0
	wait "${daemon_of[$mnt]}" || rc=$?
	unset "daemon_of[$mnt]"
	[ $rc = 0 ] || fail "the daemon ended with $rc"
	! is_mounted "$mnt" || fail "$mnt is still mounted"
	check_log "${log_of[$mnt]}"
}

# sound [IMAGE]: nothing is left that check would report.
sound() {
	"$CANISTERFS" check "${1:-$IMG}" >"$T/check.log" 2>&1 || fail "check: $(cat "$T/check.log")"
}

# probe WANT CALLS...: the words that fsprobe prints for the calls, separated by blanks.
probe() {
	local want=$1
	shift
	is "$want" "$("$FSPROBE" "$@" | paste -sd' ')" "fsprobe $*"
}

# create PAGES [IMAGE]: an empty image with buckets of so many pages.
create() {
	"$CANISTERFS" create --bucket-pages "$1" "${2:-$IMG}" >/dev/null
}

# golden NAME [IMAGE]: unpacks one of the images that the real library wrote.
golden() {
	unpack "$1" "${2:-$IMG}"
}

[ -w /dev/fuse ] || skip "/dev/fuse cannot be opened"
T=$(mktemp -d "${TMPDIR:-/var/tmp}/canisterfs-$CASE.XXXXXX")
trap at_exit EXIT
trap 'exit 130' INT TERM HUP
IMG=$T/image
MNT=$T/mnt
mkdir "$MNT"
rm -rf "${LOG_DIR:?}/$CASE"
