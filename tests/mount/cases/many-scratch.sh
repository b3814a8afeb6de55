#!/bin/bash
# SPDX-License-Identifier: MIT
# More scratch files than a process may have open by default: the daemon takes what it may.
. "${0%/*}/../lib.sh"

ulimit -Sn 64
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 512 ] || skip "no more than 512 files"
create 1
expect_scratch 's[0-9]+'
start
for n in $(seq 200); do
	echo "$n" >"$MNT/s$n"
done
mkdir "$MNT/.snap/one"
is 200 "$(cat "$MNT/s200")"
rmdir "$MNT/.snap/one"
stop
