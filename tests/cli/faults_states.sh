#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever call fails, with EIO or ENOSPC, of a verb that replaces a state of an image: the verb does
# not end with 0 unless all is done; the image is the old one or the new one, at once or when the verb
# that was broken off is made again; and snapshots are what they were.
. "$(dirname "$0")/lib.sh"

state() {
    "$program" cat "$1" 5 >five 2>/dev/null && "$program" cat "$1" 6 >six 2>/dev/null || return 1
    sha256sum five six | cut -c1-16 | paste -sd' '
}
# An image with two snapshots and later bytes, an overlay of it, and a checkpoint of its first state.
bytes() { head -c "$1" /dev/urandom >"$2"; }
run 0 create -b 1 image
bytes 200000 a && run 0 put image 5 a
bytes 90000 b && run 0 put image 6 b
run 0 checkpoint image first.ckpt
first=$(state image)
run 0 snapshot create image first
bytes 300000 c && run 0 put image 5 c
run 0 snapshot create image second
bytes 70000 d && run 0 put image 5 d
bytes 180000 e && run 0 put image 6 e
now=$(state image)
printf '%s\n' '{"key": "01", "value": "2a"}' >lines
# shellcheck disable=SC2016
run 0 run --files --keep overlay image -- sh -c 'cp c "$MNT/5"'
mkdir kept
cp -a image image.snap first.ckpt overlay kept
cp image kept/plain
cp kept/plain plain
run 0 put plain 5 c
put=$(state plain)

lay_out() {
    rm -rf image image.snap image.scratch* image.undo* plain plain.* overlay overlay.*
    cp -a kept/. .
}
snapshots_hold() {
    run 0 snapshot list --json image
    grep -q '"first"' out && grep -q '"second"' out || fail "$1: a snapshot is gone: $(cat out)"
    ! grep -q '"stale": *true' out || fail "$1: a snapshot is stale: $(cat out)"
}

points=0
# try IMAGE NEW STEP VERB...: the old state is $now.
try() {
    local image=$1 new=$2 step=$3 n=1 left
    shift 3
    while :; do
        rm -f reached
        lay_out
        failing $n $((n % 2 ? 5 : 28)) "$@"
        [ -e reached ] || break
        points=$((points + 1))
        if [ "$1" = commit ]; then
            [ $got = 0 ] || [ ! -e overlay ] || run 0 commit overlay
            is "$new" "$(state image)" "call $n fails, commit made again"
        fi
        left=$(state "$image") || {
            "$program" check --repair "$image" >out 2>&1 || [ $? = 1 ] || fail "call $n fails, $*: $(cat out)"
            left=$(state "$image")
        }
        case $left in
        "$new") ;;
        "$now") [ $got != 0 ] || fail "call $n fails, $*: exited 0, and nothing has happened" ;;
        *) fail "call $n fails, $*: the image is neither the old one nor the new one" ;;
        esac
        [ "$image" = plain ] || snapshots_hold "call $n fails, $*"
        n=$((n + step))
        [ $n -lt 2000 ] || fail "$* never ends"
    done
    left=$(state "$image")
    is "$new" "$left" "$*, without a fault"
}
is() { [ "$1" = "$2" ] || fail "$3: '$2', not '$1'"; }

try image "$first" 3 snapshot rollback image first
try image "${first% *} ${now#* }" 3 snapshot rollback --memory 5 image first
try image "$now" 2 snapshot create image third
try image "$put" 3 put image 5 c
try image "$put" 2 commit overlay
try plain "$first" 2 restore --force first.ckpt plain
try plain "$now" 2 rebucket --force -b 2 plain plain
try plain "$now" 2 snapshot create plain s
echo "$points points"
[ $points -gt 60 ] || fail "only $points points"
