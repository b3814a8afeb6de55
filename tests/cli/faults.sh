#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever call of a verb that works in place fails, with EIO or ENOSPC: the verb does not end with 0
# unless all is done, and an image that it left holds all its memories.
. "$(dirname "$0")/lib.sh"

untidy untidy.img
head -c 200000 /dev/urandom >text

# memory_5_is_one_of OLD NEW
memory_5_is_one_of() {
    "$program" cat a.img 5 >five 2>/dev/null || return 1
    cmp -s five "$1" || cmp -s five "$2"
}
"$program" cat untidy.img 5 >old
cp untidy.img a.img
run 0 put a.img 5 text
"$program" cat a.img 5 >new

points=0
for number in 5 28; do
    for words in "compact --zero-slack a.img" "compact --no-undo a.img" "check --repair a.img" \
        "put a.img 5 text"; do
        n=1
        while :; do
            rm -f reached
            cp untidy.img a.img
            rm -f a.img.undo*
            # shellcheck disable=SC2086
            failing $n $number $words
            [ -e reached ] || break
            points=$((points + 1))
            case $words in
            put*)
                memory_5_is_one_of old new || fail "call $n fails with $number, $words: memory 5 is neither"
                [ $got != 0 ] || cmp -s five new || fail "call $n fails with $number, $words: exited 0"
                ;;
            *)
                "$program" compare -j 1 untidy.img a.img >/dev/null 2>&1 ||
                    fail "call $n fails with $number, $words: a memory is another"
                if [ $got = 0 ]; then
                    "$program" check a.img >/dev/null || fail "call $n fails with $number, $words: exited 0 and is not clean"
                fi
                ;;
            esac
            n=$((n + 1))
            [ $n -lt 400 ] || fail "$words never ends"
        done
    done
done
echo "$points points"
[ $points -gt 200 ] || fail "only $points points"
