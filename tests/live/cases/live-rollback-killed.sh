#!/bin/bash
# SPDX-License-Identifier: MIT
# A rollback of the whole image or of one memory that is killed at any write, of an image or in a
# mount: until the image is opened for writing nothing reads a mixture; then it is the old one or the
# new one, and all snapshots are what they were.
. "${0%/*}/../../mount/lib.sh"
[ -n "${KILL_AT_LIB:-}" ] || skip "no way to kill at a write"

killed_at() {
	local n=$1
	shift
	# Where the program has a sanitizer, that one need not come first.
	ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 LD_PRELOAD=$KILL_AT_LIB KILL_AT=$n "$@"
}
sum() { sha256sum | cut -c1-16; }
state() { echo "$("$CANISTERFS" cat "$1" 5 | sum) $("$CANISTERFS" cat "$1" 6 | sum)"; }
snapshot() { for id in 5 6; do sum <"$MNT/.snap/$1/$id"; done | paste -sd' '; }

put() {
	head -c "$2" /dev/urandom >"$T/bytes"
	"$CANISTERFS" put "$IMG" "$1" "$T/bytes"
}
# New bytes over old ones, more and fewer of them, and a snapshot in between.
create 2
put 5 700000
put 6 300000
first=$(state "$IMG")
"$CANISTERFS" snapshot create "$IMG" first
put 5 200000
put 6 500000
second=$(state "$IMG")
"$CANISTERFS" snapshot create "$IMG" second
put 5 900000
old=$(state "$IMG")
mkdir "$T/before"
cp -a "$IMG" "$IMG.snap" "$T/before"

# Words: n, how.
again() {
	local refused
	rm -r "$IMG" "$IMG.snap"
	cp -a "$T/before/." "$T"
	"$2" "$1" || return 0
	if ! "$CANISTERFS" info "$IMG" >"$T/said" 2>&1; then
		refused="canisterfs: $IMG: a rollback was broken off, and goes on when the image is"
		is "$refused opened for writing, as by 'check --repair'" "$(cat "$T/said")" "the refusal"
		"$CANISTERFS" check --repair "$IMG" >/dev/null 2>"$T/said" || [ $? = 1 ] ||
			fail "killed at $1: check: $(cat "$T/said")"
		is "$new" "$(state "$IMG")" "the image, $2 at $1"
		broken_off=$((broken_off + 1))
	fi
	start
	is "$first" "$(snapshot first)" "the older snapshot, $2 at $1"
	is "$second" "$(snapshot second)" "the newer snapshot, $2 at $1"
	stop
	sound
	[[ $(state "$IMG") == @("$old"|"$new") ]] || fail "$2 at $1: neither the old image nor the new"
}
offline() {
	local rc=0
	killed_at "$1" "$CANISTERFS" snapshot rollback "${only[@]}" "$IMG" first || rc=$?
	[ $rc = 137 ]
}
mounted() {
	local rc=0
	killed_at "$1" "$CANISTERFS" mount -f "$IMG" "$MNT" >"$T/mount.log" 2>&1 &
	until is_mounted "$MNT" || ! kill -0 $! 2>/dev/null; do sleep 0.01; done
	"$CANISTERFS" snapshot rollback "${only[@]}" "$MNT" first 2>/dev/null || true
	unmount -l "$MNT" 2>/dev/null || true
	wait $! || rc=$?
	[ $rc = 137 ]
}
# Words: the least that must be broken off, the points.
try_points() {
	local least=$1 how
	shift
	for how in offline mounted; do
		broken_off=0
		for n in "$@"; do
			again "$n" $how
		done
		[ $broken_off -ge "$least" ] || fail "only $broken_off rollbacks were broken off, $how"
	done
}
only=() new=$first
try_points 3 1 2 3 5 8 11 15 20 24 28 32 36 40 50
only=(--memory 5) new="${first% *} ${old#* }"
try_points 3 1 2 3 5 8 11 15 20 24 28 32 36 40 50
