#!/bin/bash
# SPDX-License-Identifier: MIT
# Whichever step of setting passthrough up fails, the mount stands and reads as ever; a mount that
# demands it fails with a reason; and nothing is left of either.
. "${0%/*}/../lib.sh"
. "$here/passthrough.sh"
can_pass
private_disk
export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0

failing() { # N on|once WORDS...
	local n=$1 on=$2
	shift 2
	[ "$on" = once ] || local -x FAIL_ON=1
	LD_PRELOAD=$BUILD/tests/mount/libfail_at.so FAIL_AT=$n "$@"
}

expect_log 'fail_at: .*'
IMG=$DISK/image
steps=
for on in once on; do
	for ((n = 1; ; n++)); do
		golden c_interleaved
		want=$("$CANISTERFS" cat "$IMG" 3 | sha256sum)
		failing $n $on start -o ro
		is "$want" "$(sha256sum <"$MNT/3")" "memory 3, failing at $n ($on)"
		grep -q 'fail_at: ' "${log_of[$MNT]}" || break
		step=$(sed -n '1s/^fail_at: //p' "${log_of[$MNT]}")
		steps+=" $step"
		if [ "$(passes)" = false ]; then
			[ "$(why_not)" != null ] || fail "no reason after $step ($n, $on)"
		else
			is once $on "passthrough in spite of $step"
		fi
		stop
		nothing_left
		golden c_interleaved
		if [ $on = on ]; then
			LD_PRELOAD=$BUILD/tests/mount/libfail_at.so FAIL_AT=$n FAIL_ON=1 refused ''
			nothing_left
		fi
	done
	stop
	nothing_left
done
for step in open64 pwrite64 fsopen fsconfig fsmount openat64 ioctl; do
	[[ " $steps " = *" $step "* ]] || fail "$step never failed:$steps"
done
