#!/bin/bash
# SPDX-License-Identifier: MIT
# cat: parts of memories, holes kept, and answers that cannot be delivered.
. "$(dirname "$0")/lib.sh"

golden c_interleaved
run 0 cat c_interleaved.img 2
mv out whole
for part in "0 1" "1 65535" "1048575 2" "1048576 1048576" "2097000 100000" "2162687 1" "2162688 1" "7 99999999"; do
    read -r off len <<<"$part"
    run 0 cat --offset "$off" --length "$len" c_interleaved.img 2
    tail -c +$((off + 1)) whole | head -c "$len" >want || true
    same out want
done
run 0 cat -o 1K -l 2M c_interleaved.img 2
tail -c +1025 whole | head -c 2097152 >want || true
same out want

refused 1 "c_interleaved.img: memory 2 has 2162688 bytes, and none at 2162689" \
    cat -o 2162689 c_interleaved.img 2
refused 1 "c_interleaved.img: there is no memory 5: the image holds 0, 1, 2, 3, 4" cat c_interleaved.img 5
for id in 255 -- 256 01 +1 1x '' 99999999999999999999; do
    [ "$id" = -- ] && continue
    refused 2 "cat: '$id' is not a memory id: they go from 0 to 254 (see 'canisterfs cat --help')" \
        cat c_interleaved.img "$id"
done
for size in x 1KB -1 1.5M 16777216T; do
    refused 2 "cat: --length: '$size' is not a size in bytes (digits, then K, M, G or T if you like) (see 'canisterfs cat --help')" \
        cat "--length=$size" c_interleaved.img 1
done

# Zeros take no space in a file; a pipe and a file that is appended to get them all.
run 0 create -b 1 sparse.img
truncate -s 64M zeros
run 0 put sparse.img 1 zeros
run 0 cat sparse.img 1
same out zeros
[ "$(stat -c %b out)" -lt 100 ] || fail "holes were filled: $(stat -c %b out) blocks"
"$program" cat sparse.img 1 | cmp - zeros || fail "a pipe got something else"
echo head >appended
"$program" cat sparse.img 1 >>appended
[ "$(stat -c %s appended)" = $((67108864 + 5)) ] || fail "appending is wrong"
# A file that has something there already is overwritten, also with zeros.
tr '\0' x <zeros >old
"$program" cat sparse.img 1 1<>old
same old zeros

got=0
"$program" cat c_interleaved.img 2 2>err >/dev/full || got=$?
[ "$got" = 1 ] || fail "a full disk gave $got"
err_is "canisterfs: c_interleaved.img: cannot write to standard output: No space left on device"
# A reader that has enough is no news.
got=$(set +o pipefail; { "$program" cat c_interleaved.img 2 2>err; echo $? >status; } | head -c 1 >/dev/null; cat status)
[ "$got" = 1 ] || fail "a closed pipe gave $got"
err_is ""
