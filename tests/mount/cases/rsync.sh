#!/bin/bash
# SPDX-License-Identifier: MIT
# rsync through temporary files, in place, with sparse blocks, and out again.
. "${0%/*}/../lib.sh"
requires rsync

create 2
start
mkdir "$T/in"
head -c 3000000 /dev/urandom >"$T/in/3"
head -c 70000 /dev/urandom >"$T/in/4"
change() {
	head -c 1000 /dev/urandom | dd of="$T/in/3" conv=notrunc bs=1 seek="$1" status=none
	head -c "$2" /dev/urandom >"$T/in/4"
}
same() {
	diff -r "$T/in" "$MNT"
}
rsync -rt "$T/in/" "$MNT/"; same
change 100000 65537; rsync -rt --no-whole-file -I "$T/in/" "$MNT/"; same
change 200000 3; rsync -rt --inplace --no-whole-file -I "$T/in/" "$MNT/"; same
change 300000 500000; rsync -rtS -I "$T/in/" "$MNT/"; same
change 400000 10; rsync -rtc --delete --partial "$T/in/" "$MNT/"; same
rm "$T/in/4"; rsync -rt --delete "$T/in/" "$MNT/"; same
mkdir "$T/out"; rsync -rt "$MNT/" "$T/out/"; diff -r "$T/in" "$T/out"
is "" "$(rsync -rtni "$T/in/" "$MNT/" | grep -v '/$' || true)" "what is left to copy"
stop
start
truncate -s %65536 "$T/in/3"
same
stop
sound
