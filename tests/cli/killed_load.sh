#!/bin/bash
# SPDX-License-Identifier: MIT
# load, killed at any change it makes to a file, leaves every memory as it was, or as it would be in
# the end: of a log both of its two; and can be run again.
. "$(dirname "$0")/lib.sh"

golden e_btree_u64 f_btree_unbounded g_btree_v1 h_structs i_upgrade

# content IMAGE ID...: what the memories hold.
content() {
    local image=$1 id
    shift
    for id; do
        "$program" cat "$image" "$id" | sha256sum
    done
}

# What a kind writes differs only before its memory is replaced: a third of the kills will do for most.
step=1

# killed_load IMAGE "ID..." MODE [OPTION...]: loads the file `records` into the first of the
# memories, which are all that may change.
killed_load() {
    local image=$1.img ids=$2 mode=$3 id=${2%% *} old new now n=1 olds=0 news=0
    shift 3
    cp "$image" done.img
    run 0 load "$mode" "$@" done.img "$id" records
    old=$(content "$image" $ids)
    new=$(content done.img $ids)
    [ "$old" != "$new" ] || fail "$image, $id: nothing changes"
    while cp "$image" a.img && killed $n load "$mode" "$@" a.img "$id" records; do
        now=$(content a.img $ids)
        case $now in
        "$old") olds=$((olds + 1)) ;;
        "$new") news=$((news + 1)) ;;
        *) fail "$image, $id, killed at $n: neither the old records nor the new ones" ;;
        esac
        run 0 load "$mode" "$@" a.img "$id" records
        [ "$(content a.img $ids)" = "$new" ] || fail "$image, $id, killed at $n: it stays as it is"
        run 0 check a.img
        out_is "a.img: clean"
        n=$((n + step))
    done
    echo "$image, memory $id: killed $olds times before the change, $news after it"
    [ $olds -gt 1 ] && [ $news -gt 0 ] || fail "too few"
}

# One record more or other in each kind: a map of numbers, one with overflow pages, one of version
# 1, one of both versions, a set, a cell, vectors, a heap, a payload.
echo '{"key": 7, "value": "00000000000000ff"}' >records
killed_load e_btree_u64 0 --merge -k u64
step=3
printf '{"key": "a", "value": "%s"}\n' "$(printf %02000d 1)" >records
killed_load f_btree_unbounded 2 --merge -k utf8 -v utf8
"$program" dump -n 1 g_btree_v1.img 1 >records
killed_load g_btree_v1 1 --delete
"$program" dump -n 1 -k u64 g_btree_v1.img 2 >records
killed_load g_btree_v1 2 --delete -k u64
"$program" dump -n 1 h_structs.img 7 >records
killed_load h_structs 7 --delete
echo '{"value": "616263"}' >records
killed_load h_structs 0 --merge
echo '{"index": 2000, "value": "0000000000000007"}' >records
killed_load h_structs 1 --merge
echo '{"index": 0, "value": "00"}' >records
killed_load h_structs 3 --merge
echo '{"index": 899, "value": "18446744073709551615"}' >records
killed_load h_structs 4 --merge -v u64
echo '{"value": {"a": 1}}' >records
killed_load i_upgrade 0 --merge -v cbor

step=1
# A log: longer, and another one from its middle on.
echo '{"index": 300, "value": "00"}' >records
killed_load h_structs "5 6" --merge
"$program" dump -n 10 h_structs.img 5 >records
echo '{"index": 10, "value": "00"}' >>records
killed_load h_structs "5 6" --replace
