#!/bin/bash
# SPDX-License-Identifier: MIT
# Killed, or stopped by Ctrl-C, in the middle: the old file or the new one, and nothing beside it.
. "$(dirname "$0")/lib.sh"

head -c 30000000 /dev/urandom >image
run 0 checkpoint image full.qcow2
head -c 100000 image >old.img
run 0 checkpoint old.img old.qcow2

# until_read PID BYTES: until the program has read so much, or ended.
until_read() {
    local read_len=0
    while [ "$read_len" -lt "$2" ] && [ -e "/proc/$1/fd/0" ]; do
        read -r _ read_len <"/proc/$1/io" || break
    done 2>/dev/null
}

# killed SIGNAL WHAT OLD NEW ARGUMENT...: WHAT is the output, OLD what was there before. The signal
# comes after another part of the 30 MB was read each time.
hits=0
killed() {
    local signal=$1 what=$2 old=$3 new=$4 round pid got
    shift 4
    for round in 1 2 3 4 5 6 7 8; do
        rm -rf dir && mkdir dir && cp "$old" "dir/$what"
        "$program" "$@" >/dev/null 2>&1 &
        pid=$!
        until_read $pid $((round * 3300000))
        kill -"$signal" $pid 2>/dev/null || true
        got=0
        wait $pid 2>/dev/null || got=$?
        [ $got = 0 ] || hits=$((hits + 1))
        cmp -s "dir/$what" "$old" || cmp -s "dir/$what" "$new" || fail "$what is neither"
        [ "$(find dir -type f | wc -l)" = 1 ] || fail "left: $(ls -A dir)"
    done
}

for signal in KILL INT TERM; do
    killed $signal out old.qcow2 full.qcow2 checkpoint --force image dir/out
    killed $signal out old.img image restore --force full.qcow2 dir/out
done
echo "$hits of 48 were stopped before their end"
[ $hits -gt 0 ] || fail "no signal came in time"
