#!/bin/bash
# SPDX-License-Identifier: MIT
# Killed, or stopped by Ctrl-C, in the middle: the old file or the new one, and nothing beside it.
. "$(dirname "$0")/lib.sh"

head -c 30000000 /dev/urandom >image
run 0 checkpoint image full.qcow2
head -c 100000 image >old.img
run 0 checkpoint old.img old.qcow2

# killed SIGNAL WHAT OLD NEW ARGUMENT...: WHAT is the output, OLD what was there before.
killed() {
    local signal=$1 what=$2 old=$3 new=$4 round pid
    shift 4
    for round in 1 2 3 4 5 6 7 8; do
        rm -rf dir && mkdir dir && cp "$old" "dir/$what"
        "$program" "$@" >/dev/null 2>&1 &
        pid=$!
        sleep "0.0$((round * 9 % 10))$round"
        kill -"$signal" $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
        cmp -s "dir/$what" "$old" || cmp -s "dir/$what" "$new" || fail "$what is neither"
        [ "$(find dir -type f | wc -l)" = 1 ] || fail "left: $(ls -A dir)"
    done
}

for signal in KILL INT TERM; do
    killed $signal out old.qcow2 full.qcow2 checkpoint --force image dir/out
    killed $signal out old.img image restore --force full.qcow2 dir/out
done
