#!/bin/bash
# SPDX-License-Identifier: MIT
# Archives: made of a mount's files, unpacked onto it, sparse files too.
. "${0%/*}/../lib.sh"

create 2
start
mkdir "$T/in" "$T/out"
head -c 300000 /dev/urandom >"$T/in/3"
head -c 5 /dev/urandom >"$T/in/4"
truncate -s 20M "$T/in/5"
printf x >>"$T/in/5"
tar -C "$T/in" -cSf "$T/a.tar" 3 4 5
tar -C "$MNT" --no-same-owner -xSf "$T/a.tar"
for id in 3 4 5; do cmp "$T/in/$id" "$MNT/$id"; done
tar -C "$MNT" --no-same-owner --unlink-first -xf "$T/a.tar"
tar -C "$MNT" -cSf "$T/b.tar" .
tar -C "$T/out" -xf "$T/b.tar"
diff -r "$T/in" "$T/out"
tar -C "$MNT" -df "$T/a.tar" 3 4
stop
sound
