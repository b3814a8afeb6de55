#!/bin/bash
# SPDX-License-Identifier: MIT
# info tells people what an image is, and refuses with a reason.
. "$(dirname "$0")/lib.sh"

golden m_hole_mid g_raw_btree a_empty
run 0 info m_hole_mid.img
out_is "m_hole_mid.img: managed
  why       page 0 is a manager's, and its bucket table holds 12 buckets of 16 pages
  size      12.1 MiB (12,648,448 bytes, 193 pages)
  buckets   12 of 32,768 handed out, 16 pages each (1 MiB)
  holes     1 bucket that nobody owns
  waste     512 KiB a memory on average; the least that one takes is 1 MiB
  cap       32 GiB for all memories together (32,768 buckets)
  headroom  32.0 GiB can still be given out (524,112 pages)
  slack     2.6 MiB in the buckets of all memories, behind their ends

  id  pages     size  buckets    slack  holds
   0     24  1.5 MiB        2  512 KiB  begins like nothing known
   1     16    1 MiB        1      0 B  begins like nothing known
   2     33  2.1 MiB        3  960 KiB  begins like nothing known
   3      1   64 KiB        1  960 KiB  begins like nothing known
   4     61  3.8 MiB        4  192 KiB  begins like nothing known"
run 0 info g_raw_btree.img
out_is 'g_raw_btree.img: raw
  why       the first three bytes are not "MGR"
  holds     B-tree map or set, header version 1, 400 entries, pages of 587 bytes
  size      64 KiB (65,536 bytes, 1 page)'
: >empty.img
run 0 info --json empty.img
json '[.kind, .pages]' '["empty",0]'
run 0 info a_empty.img
grep -q '^  no memories yet$' out || fail "an image without memories: $(cat out)"

refused 1 "nowhere.img: cannot open: No such file or directory" info nowhere.img
refused 1 ".: a directory where nothing is mounted, and without the metadata.json of a canister snapshot" info .
refused 1 "/dev/null: neither a plain file nor a block device" info /dev/null
refused 2 "info: IMAGE is missing (see 'canisterfs info --help')" info
refused 2 "info: 'b' is not a memory id: they go from 0 to 254 (see 'canisterfs info --help')" info a_empty.img b

# Damage is named, and the way on.
printf '\000\000' | dd of=a_empty.img bs=1 seek=6 conv=notrunc status=none
run 1 info a_empty.img
grep -q "^canisterfs: a_empty.img: damaged: the bucket size is 0 .*'canisterfs check'" err ||
    fail "damage is told so: $(cat err)"
