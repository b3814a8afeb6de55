#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever call of a verb that works in place fails, with EIO or ENOSPC: the verb does not end with 0
# unless all is done, and an image that it left holds all its memories.
. "$(dirname "$0")/lib.sh"

python3 - <<'EOP'
import random, struct
random.seed(7)
owner = bytearray(b'\xff' * 32768)
owner[:14] = bytes([5, 255, 0, 5, 255, 9, 0, 255, 5, 9, 9, 255, 0, 5])
pages = [0] * 255
for m in (0, 5, 9):
    pages[m] = owner[:14].count(m)
pages[9] -= 1
page = bytearray(65536)
page[:8] = b'MGR\1' + struct.pack('<HH', 14, 1)
page[40:2080] = struct.pack('<255Q', *pages)
page[2080:34848] = owner
body = b''.join(bytes(65000) + random.randbytes(536) for _ in range(16))
open('untidy.img', 'wb').write(page + body)
EOP
head -c 200000 /dev/urandom >text

# failing N ERRNO VERB...: sets $got; there is no file `reached` where the verb made fewer than N calls.
failing() {
    local n=$1 number=$2
    shift 2
    got=0
    FAIL_AT=$n FAIL_ERRNO=$number FAIL_MARK=reached ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 \
        LD_PRELOAD=${KILL_AT_LIB:?the library that fails} "$program" "$@" >out 2>err </dev/null || got=$?
    [ $got -lt 124 ] || fail "call $n fails with $number, $*: exited $got: $(cat err)"
}

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
