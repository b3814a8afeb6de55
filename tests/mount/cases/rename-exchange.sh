#!/bin/bash
# SPDX-License-Identifier: MIT
# Two files change places; a memory and a scratch file do not.
. "${0%/*}/../lib.sh"

create 1
start
printf five >"$MNT/5"
head -c 200000 /dev/urandom >"$T/a"
cp "$T/a" "$MNT/6"
printf scratch >"$MNT/s"
printf other >"$MNT/o"
probe "0 0 five 1 0" open "$MNT/5" O_RDWR : rename "$MNT/5" "$MNT/6" EXCHANGE \
	: read 0 0 9 : write 0 0 F : fsync 0
is Five "$(cat "$MNT/6")"
cmp "$T/a" "$MNT/5"
probe "0" rename "$MNT/s" "$MNT/o" EXCHANGE
is "other scratch" "$(cat "$MNT/s") $(cat "$MNT/o")"
probe "EINVAL EINVAL" rename "$MNT/s" "$MNT/5" EXCHANGE : rename "$MNT/5" "$MNT/s" EXCHANGE
probe "ENOENT EINVAL" rename "$MNT/5" "$MNT/99" EXCHANGE : rename "$MNT/5" "$MNT/6" 'EXCHANGE|NOREPLACE'
rm "$MNT/s" "$MNT/o"
stop
start
cmp -n 200000 "$T/a" "$MNT/5"
is $PAGE "$(stat -c %s "$MNT/6")"
is Five "$(head -c 4 "$MNT/6")"
stop
sound
