#!/bin/bash
# SPDX-License-Identifier: MIT
# statfs tells both limits: the bucket table's, and the host's disk.
. "${0%/*}/../lib.sh"

create 1
start
field() { stat -f -c "$1" "$MNT"; }
is "65536 65536 32768 255 255 255" "$(field '%s %S %b %c %d %l')" "statfs"
is fuse "$(field %T | sed 's/fuse.*/fuse/')"
host=$(($(stat -f -c '%a * %S' "$T")/PAGE))
free=$(field %a)
[ "$free" -le 32768 ] && [ "$free" -le $((host + 100)) ] || fail "free is $free, host $host"
[ "$host" -gt 40000 ] || skip "the host's disk is too small for what follows"
is 32768 "$free" "free pages"
truncate -s $((1000 * PAGE)) "$MNT/3"
printf x >"$MNT/4"
is "31767 253" "$(field '%a %d')" "free pages and files"
df "$MNT" >/dev/null
stop
start -o ro
is "32768 0" "$(field '%b %a')" "read-only"
stop
