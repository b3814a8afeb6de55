#!/bin/bash
# SPDX-License-Identifier: MIT
# A commit that is killed anywhere and made again ends as if it had not been killed.
. "${0%/*}/../../mount/lib.sh"
[ -n "${KILL_AT_LIB:-}" ] || skip "no way to kill at a write"

create 2
head -c 1000000 /dev/urandom >"$T/a"
"$CANISTERFS" put "$IMG" 5 "$T/a"
start -o overlay="$T/o.qcow2"
head -c 400000 /dev/urandom >"$MNT/5"
cp "$T/a" "$MNT/6"
stop
cp -a "$IMG" "$T/base"
cp -a "$T/o.qcow2" "$T/overlay"
"$CANISTERFS" commit "$T/o.qcow2"
cp "$IMG" "$T/want"

killed=0
for n in 1 2 3 4 5 6 8 10 13 17 22 29 37 50 70 100; do
	cp -a "$T/base" "$IMG"
	cp -a "$T/overlay" "$T/o.qcow2"
	rc=0
	# Where the program has a sanitizer, that one need not come first.
	ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 LD_PRELOAD=$KILL_AT_LIB KILL_AT=$n \
		"$CANISTERFS" commit "$T/o.qcow2" || rc=$?
	if [ "$rc" = 0 ]; then break; fi
	is 137 "$rc" "the kill at step $n"
	killed=$((killed + 1))
	"$CANISTERFS" commit "$T/o.qcow2"
	cmp "$IMG" "$T/want"
	[ ! -e "$T/o.qcow2" ] || fail "the overlay is left"
done
[ "$killed" -ge 5 ] || fail "only $killed kills"
