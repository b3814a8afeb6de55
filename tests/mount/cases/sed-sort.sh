#!/bin/bash
# SPDX-License-Identifier: MIT
# sed -i, sort -o, and other tools that write a new file and rename it.
. "${0%/*}/../lib.sh"

create 1
start
seq 1 40000 | sed 's/$/ some text/' >"$T/a"
cp "$T/a" "$MNT/5"
sed -i 's/7/seven/g; 3d' "$T/a" "$MNT/5"
cmp "$T/a" "$MNT/5"
sed -i.old '1,10000d' "$T/a" "$MNT/5"
cmp "$T/a" "$MNT/5"
cmp "$T/a.old" "$MNT/5.old"
rm "$MNT/5.old"
sort -r -o "$T/a" "$T/a"
sort -r -o "$MNT/5" "$MNT/5"
cmp "$T/a" "$MNT/5"
perl -pi -e 's/seven/7/' "$T/a" "$MNT/5"
cmp "$T/a" "$MNT/5"
stop
is "" "$(find "$T" -name '*.scratch')" "directory for scratch files afterwards"
start
cmp -n "$(stat -c %s "$T/a")" "$T/a" "$MNT/5"
stop
sound
