#!/bin/bash
# SPDX-License-Identifier: MIT
# map: rows that lead to the bytes.
. "$(dirname "$0")/lib.sh"

golden a_empty m_hole_mid m_slack l_sqlite
run 0 map m_hole_mid.img
out_is "id    start   length  image offset  bucket  kind
 0        0  1048576       6356992       6  data
 0  1048576   524288      11599872      11  data
 0  1572864   524288      12124160      11  slack
 1        0  1048576       3211264       3  data
 2        0  1048576         65536       0  data
 2  1048576  1048576       8454144       8  data
 2  2097152    65536      10551296      10  data
 2  2162688   983040      10616832      10  slack
 3        0    65536       2162688       2  data
 3    65536   983040       2228224       2  slack
 4        0  1048576       1114112       1  data
 4  1048576  1048576       4259840       4  data
 4  2097152  1048576       5308416       5  data
 4  3145728   851968       9502720       9  data
 4  3997696   196608      10354688       9  slack
 -        -  1048576       7405568       7  hole"
run 0 map a_empty.img
out_is "id  start  length  image offset  bucket  kind"
run 0 map m_slack.img
tail -n 1 out | grep -q '^ *- *- *1048576 *11599872 *- *tail$' || fail "no tail: $(cat out)"

# Following the rows through the image gives the memory.
run 0 map --json m_hole_mid.img 4
json '[.schema, (.ranges | length)]' '[1,5]'
json '.ranges[0]' '{"id":4,"start":0,"length":1048576,"image_offset":1114112,"bucket":1,"kind":"data"}'
jq -r '.ranges[] | select(.kind == "data") | "\(.image_offset) \(.length)"' out >ranges
while read -r off len; do
    tail -c +$((off + 1)) m_hole_mid.img | head -c "$len" || true
done <ranges >followed
run 0 cat m_hole_mid.img 4
same out followed

# All rows together cover the image behind the manager's page, once.
run 0 map --json m_hole_mid.img
jq -r '.ranges[] | "\(.image_offset) \(.length)"' out | sort -n | {
    end=65536
    while read -r off len; do
        [ "$off" = "$end" ] || fail "the ranges leave or cover $end twice"
        end=$((off + len))
    done
    [ "$end" = "$(stat -c %s m_hole_mid.img)" ] || fail "the ranges end at $end"
}

refused 1 "l_sqlite.img: there is no memory 1: the image holds 0, 3" map l_sqlite.img 1
refused 2 "map: 'x' is not a memory id: they go from 0 to 254 (see 'canisterfs map --help')" map l_sqlite.img x
