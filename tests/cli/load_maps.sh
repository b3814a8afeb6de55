#!/bin/bash
# SPDX-License-Identifier: MIT
# load into each kind of map: what comes of 1,000 changed, 100 new and 100 deleted records is what a
# model says, and a tree as the library would have it. CANISTERFS_TEST_ROUNDS=10: ten times as many.
. "$(dirname "$0")/lib.sh"

rounds=$(rounds 1)

# sound WIDTH: the map in memory 3 of a.img holds the records in `want`.
sound() {
    run 0 check a.img
    out_is "a.img: clean"
    "$program" dump --key-width "$1" a.img 3 >got
    same got want
    "$program" cat a.img 3 >memory
    python3 "$here/btree.py" audit memory "$1" >got
    same got want
}

# model KIND WIDTH: by changes, and by all records at once.
model() {
    local kind=$1 width=$2
    rm -f first
    python3 "$here/btree.py" make "$kind" "$rounds"
    run 0 create -f -b 1 a.img
    run 0 put a.img 3 memory.bin
    [ ! -e first ] || run 0 load --merge --key-width "$width" --order bytes a.img 3 first
    run 0 check a.img
    cp a.img before.img
    run 0 load --json --merge --key-width "$width" --order bytes a.img 3 merge
    json '[.added, .missing, .removed]' "[${rounds}00,0,0]"
    run 0 load --json --delete --key-width "$width" a.img 3 delete
    json '[.removed, .missing]' "[${rounds}00,0]"
    sound "$width"
    cp before.img a.img
    run 0 load --replace --key-width "$width" --order bytes a.img 3 want
    sound "$width"
}
model u64 8
model set 8
model unbounded prefixed
model small-pages prefixed
model v1 prefixed
run 0 info --json a.img 3
json '[.nodes_v1 > 0, .nodes_v2 > 0]' '[true,true]'

# Both versions, to begin with: back to what it was, and there again.
cp want last
"$program" dump --key-width prefixed before.img 3 >want
run 0 load --replace --key-width prefixed --order bytes a.img 3 want
sound prefixed
cp last want
run 0 load --replace --key-width prefixed --order bytes a.img 3 want
sound prefixed
