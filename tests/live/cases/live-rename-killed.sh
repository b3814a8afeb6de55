#!/bin/bash
# SPDX-License-Identifier: MIT
# A mount that is killed, or loses power, at any changing call of a rename, between memories and
# scratch files, in both directions, and of an exchange: the next mount has each content, whole, under
# its old name or its new one.
. "${0%/*}/../../mount/lib.sh"
requires python3
[ -n "${KILL_AT_LIB:-}" ] || skip "no way to kill at a write"

expect_scratch '.*'
expect_log 'canisterfs: .*'
for name in a b c; do head -c 150000 /dev/urandom >"$T/$name"; done
# Two memories and a scratch file, each with a content of its own.
disk=$T/disk
IMG=$disk/image
mkdir "$disk"
create 1
start
cp "$T/a" "$MNT/2"
cp "$T/b" "$MNT/4"
cp "$T/c" "$MNT/notes"
stop
mkdir "$T/before"
cp -a "$IMG" "$IMG.scratch" "$T/before"

# holds FILE CONTENT: without scratch files the next mount shows whole pages.
holds() {
	[ -e "$MNT/$1" ] && cmp -s -n 150000 "$T/$2" "$MNT/$1" && [ "$(tail -c +150001 "$MNT/$1" | tr -d '\0' | wc -c)" = 0 ]
}
# somewhere CONTENT NAME...: one of the names has it.
somewhere() {
	local content=$1 name
	shift
	for name; do if holds "$name" "$content"; then return 0; fi; done
	fail "killed at $n in $what: $content is in none of $*; there are: $(stat -c '%n %s' "$MNT"/*)"
}
check_op() {
	case $what in
	"memory to scratch") somewhere a 2 saved && somewhere b 4 && somewhere c notes ;;
	"memory over scratch") somewhere a 2 notes && somewhere b 4 ;;
	"scratch to memory") somewhere c notes 9 && somewhere a 2 && somewhere b 4 ;;
	"scratch over memory") somewhere c notes 2 && somewhere b 4 ;;
	"memory to memory") somewhere a 2 9 && somewhere b 4 && somewhere c notes ;;
	"memory over memory") somewhere a 2 4 && somewhere c notes ;;
	"exchange of memories") somewhere a 2 4 && somewhere b 4 2 && somewhere c notes ;;
	esac
	# What was to be replaced is there as long as what replaces it has not its name.
	case $what in
	"memory over scratch") holds notes a || somewhere c notes ;;
	"scratch over memory") holds 2 c || somewhere a 2 ;;
	"memory over memory") holds 4 a || somewhere b 4 ;;
	esac
}

# Where the program has a sanitizer, a preloaded library need not come first.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0:detect_leaks=0

# Runs the mount that is to die at call $n; sets $daemon.
killed_mount() {
	LD_PRELOAD=$KILL_AT_LIB KILL_AT=$n "$CANISTERFS" mount -f "$IMG" "$MNT" >"$T/daemon.log" 2>&1 &
	daemon=$!
}
start_killed() { start; }
# What the disk then holds is in $T/cut, and is looked at in another boot.
cut_mount() {
	rm -rf "$T/cut"
	mkdir "$T/cut"
	LD_PRELOAD=$POWER_AT_LIB POWER_AT=$n POWER_DIR=$disk POWER_OUT=$T/cut \
		"$CANISTERFS" mount -f "$IMG" "$MNT" >"$T/daemon.log" 2>&1 &
	daemon=$!
}
start_cut() { LD_PRELOAD=$POWER_AT_LIB POWER_REBOOTED=1 start_on "$T/cut/image" "$MNT"; }

points=0
# try HOW STRIDE CONTENT WHAT FROM TO [FLAG]: FROM has this content.
try() {
	local how=$1 stride=$2 daemon rc move=(mv -T)
	moved=$3 what=$4
	shift 4
	[ $# = 2 ] || move=("$FSPROBE" rename)
	n=$((seed % stride + 1 - stride))
	while :; do
		n=$((n + stride))
		rm -rf "$disk"
		cp -a "$T/before" "$disk"
		"${how}_mount"
		until is_mounted "$MNT" || ! kill -0 $daemon 2>/dev/null; do sleep 0.01; done
		if is_mounted "$MNT"; then
			"${move[@]}" "$MNT/$1" "$MNT/$2" "${@:3}" >/dev/null 2>&1 || true
			"$CANISTERFS" umount "$MNT" >/dev/null 2>&1 || umount -l "$MNT" 2>/dev/null || true
		fi
		rc=0
		wait $daemon 2>/dev/null || rc=$?
		[ "$rc" = 137 ] || break
		points=$((points + 1))
		"start_$how"
		check_op
		stop
	done
	is 0 "$rc" "the end of a mount that was not $how, $what"
	start
	holds "$2" "$moved" || fail "$what: $2 has not the content of $1"
	stop
}
# All of them. Words: how, stride.
try_all() {
	try "$@" a "memory to scratch" 2 saved
	try "$@" a "memory over scratch" 2 notes
	try "$@" c "scratch to memory" notes 9
	try "$@" c "scratch over memory" notes 2
	try "$@" a "memory to memory" 2 9
	try "$@" a "memory over memory" 2 4
	try "$@" a "exchange of memories" 2 4 EXCHANGE
}
# In a long run, every call.
choose_seed
stride=$((5 / $(rounds 1)))
[ "$stride" -ge 1 ] || stride=1
try_all killed "$stride"
killed=$points
try_all cut "$((2 * stride))"
cuts=$((points - killed))
echo "$killed kills, $cuts power cuts"
[ "$killed" -ge 20 ] && [ "$cuts" -ge 8 ] || fail "only $killed kills, $cuts power cuts"
