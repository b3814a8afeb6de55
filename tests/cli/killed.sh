#!/bin/bash
# SPDX-License-Identifier: MIT
# Killed at any change it makes to a file, a verb that works in place leaves an image that holds all
# its memories and can be worked on; and a new image has its name or is not there.
. "$(dirname "$0")/lib.sh"

untidy untidy.img
# holds IMAGE: each memory is as it was, to one who only reads.
holds() {
    "$program" compare -j 1 untidy.img "$1" >/dev/null 2>&1
}

# In place: whole at any time, and the verb can be run again, or what it did be taken back.
n=1
while cp untidy.img a.img && rm -f ./*.undo* && killed $n compact --zero-slack a.img; do
    cp a.img left.img
    holds a.img || fail "killed at $n: a memory is another"
    run 0 compact --zero-slack --no-undo a.img
    holds a.img || fail "killed at $n, and run again: a memory is another"
    run 0 check a.img
    out_is "a.img: clean"
    if [ -s a.img.undo ] && [ "$(stat -c %s a.img.undo)" -ge 16 ]; then
        mv left.img a.img
        run 0 check --undo a.img.undo a.img
        same a.img untidy.img
    fi
    n=$((n + 1))
done
[ $n -gt 40 ] || fail "compact changes files only $n times"

# The directory of a canister snapshot: the image and the number agree, or the verb says what is odd
# and the next one mends it.
lay_out() {
    rm -rf snap snap.undo*
    mkdir snap
    cp untidy.img snap/stable_memory.bin
    printf '{"wasm_module_size": 0, "wasm_memory_size": 0, "stable_memory_size": %s}' \
        "$(stat -c %s untidy.img)" >snap/metadata.json
}
agree() {
    grep -qE "\"stable_memory_size\": ?$(stat -c %s snap/stable_memory.bin)\>" snap/metadata.json
}
head -c 200K /dev/urandom >text
for words in "compact --no-undo snap" "rebucket -f -b 1 untidy.img snap" \
    "rebucket -f -b 7 untidy.img snap"; do
    n=1
    while lay_out && killed $n $words; do
        run 0 info snap
        agree || grep -q "a change was interrupted" err || fail "killed at $n, $words: nothing is said"
        holds snap || fail "killed at $n, $words: a memory is another"
        run 0 compact --no-undo snap
        agree || fail "killed at $n, $words: the number is not mended"
        holds snap || fail "killed at $n, $words: a memory is another now"
        n=$((n + 1))
    done
    agree || fail "$words: the number is not the length"
    [ $n -gt 5 ] || fail "$words changes files only $n times"
done

# Growing by put: the memory has its old or its new content, and the others theirs.
n=1
while lay_out && killed $n put snap 5 text; do
    "$program" cat snap 5 >now 2>/dev/null
    cmp -s -n 204800 now text || holds snap ||
        fail "killed at $n: memory 5 is neither the old nor the new one"
    run 0 compact --no-undo snap
    agree || fail "killed at $n: the number is not mended"
    n=$((n + 1))
done

# A new image.
n=1
while rm -f new.img && killed $n rebucket -b 2 untidy.img new.img; do
    [ ! -e new.img ] || holds new.img || fail "killed at $n: half an image"
    n=$((n + 1))
done
[ $n -gt 5 ] || fail "rebucket changes files only $n times"
