#!/bin/bash
# SPDX-License-Identifier: MIT
# put: a memory is replaced by a file or a pipe, whole or not at all.
. "$(dirname "$0")/lib.sh"

golden c_interleaved g_raw_btree
run 0 create -b 2 a.img
seq 100000 >text
run 0 put a.img 7 text
run 0 cat -l "$(stat -c %s text)" a.img 7
same out text
run 0 info --json a.img
json '.memories | map(del(.content, .content_text))' \
    '[{"id":7,"pages":9,"bytes":589824,"buckets":5,"slack_bytes":65536}]'
run 0 cat -o "$(stat -c %s text)" a.img 7
[ -z "$(tr -d '\0' <out)" ] || fail "the rest of the last page is not zero"

# A pipe, also out of the same image.
run 0 put a.img 0 < <(cat text)
"$program" cat -l 10 a.img 7 | tr 1 9 | "$program" put a.img 8
run 0 cat -l 10 a.img 8
out_is "$(head -c 10 text | tr 1 9)"
# A file from where it stands.
{ head -c 3 >/dev/null; run 0 put a.img 9; } <text
run 0 cat -l 2 a.img 9
out_is "$(tail -c +4 text | head -c 2)"

# Other memories keep what they hold, and no hole stays.
cp c_interleaved.img b.img
run 0 put b.img 4 text
run 0 put b.img 200 text
run 0 put b.img 1 /dev/null
for id in 0 2 3; do
    "$program" cat b.img "$id" >after
    "$program" cat c_interleaved.img "$id" >before
    same after before
done
run 0 info --json b.img
json '[.holes, [.memories[].id]]' '[0,[0,2,3,4,200]]'
run 0 check b.img

# What cannot be done changes nothing.
sha256sum a.img g_raw_btree.img >sums
head -c 4294967297 /dev/zero | run 1 put a.img 3
err_is "canisterfs: standard input: the new content is longer than the 4294967296 bytes that this image can ever hold"
truncate -s 5G large
run 1 put a.img 3 large
refused 1 "missing: cannot open: No such file or directory" put a.img 3 missing
refused 1 ".: cannot read the new content: Is a directory" put a.img 3 .
refused 1 "g_raw_btree.img: a raw image, which has no memories and is never written to: the first three bytes are not \"MGR\"; 'canisterfs adopt' makes it a memory of a new image" \
    put g_raw_btree.img 3 text
refused 2 "put: '255' is not a memory id: they go from 0 to 254 (see 'canisterfs put --help')" put a.img 255 text
sha256sum --quiet -c sums || fail "an image was changed"
