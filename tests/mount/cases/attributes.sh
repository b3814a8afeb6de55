#!/bin/bash
# SPDX-License-Identifier: MIT
# chmod to read-only and back, owners and times to the nanosecond: for this mount.
. "${0%/*}/../lib.sh"

golden c_interleaved
touch -d '2020-02-02 02:02:02.123456789 UTC' "$IMG"
start
f=$MNT/3
probe "100644 1580608922.123456789 65536" stat "$f" mode : stat "$f" mtime : stat "$f" size
probe "0 0 1234567890.000000007" utimens "$f" 1234567890 7 : chmod "$f" 0444 : stat "$f" mtime
probe "100444" stat "$f" mode
if [ "$(id -u)" = 0 ]; then
	chown 65534:65534 "$f"
	is "65534 65534" "$(stat -c '%u %g' "$f")"
	chmod 0600 "$f"
	is 600 "$(stat -c %a "$f")"
else
	probe "EACCES" open "$f" O_RDWR
fi
chmod 644 "$f"
before=$(stat -c %.9Y "$f")
printf x | dd of="$f" conv=notrunc status=none
[ "$before" != "$(stat -c %.9Y "$f")" ] || fail "writing leaves the time as it was"
is "$(id -u)" "$(stat -c %u "$MNT/2")" "owner"
probe "EPERM EPERM EPERM EPERM" mkdir "$MNT/dir" : symlink x "$MNT/link" : link "$MNT/3" "$MNT/33" \
	: mknod "$MNT/fifo" FIFO
[ "$(id -u)" != 0 ] || probe "0" sh "rmdir '$MNT/.canister' 2>&1 | grep -q 'not permitted'"
probe "0 0" mknod "$MNT/50" REG : stat "$MNT/50" size
stop
start
is "644 $(id -u)" "$(stat -c '%a %u' "$f")" "attributes in the next mount"
stop
