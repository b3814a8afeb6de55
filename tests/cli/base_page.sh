#!/bin/bash
# SPDX-License-Identifier: MIT
# --base-page: a manager that begins some pages into the image is worked on like any other, and what
# lies before it stays.
. "$(dirname "$0")/lib.sh"

golden c_interleaved m_hole_mid k_waste
head -c 131072 /dev/urandom >front
cat front c_interleaved.img >late.img
cat front m_hole_mid.img >hole.img

head_is_left() {
    cmp -n 131072 front "$1" || fail "the pages before the base page of $1 have changed"
}

for words in "advise --json" "check --json" "cat -l 100K"; do
    read -r verb rest <<<"$words"
    id=$([ $verb = cat ] && echo 4 || true)
    run 0 $verb $rest c_interleaved.img $id
    cp out want
    run 0 $verb --base-page 2 $rest late.img $id
    same want out
done

run 0 info --json c_interleaved.img
jq -S 'del(.why, .pages, .base_page, .front)' out >want
run 0 info --json --base-page 2 late.img
json '[.base_page, .front.bytes, .front.content]' '[2,131072,"unknown"]'
jq -S 'del(.why, .pages, .base_page, .front)' out | cmp want - || fail "info says something else"
run 0 map --json c_interleaved.img
jq -S '[.ranges[] | .image_offset += 131072]' out >want
run 0 map --json --base-page 2 late.img
json '[.ranges[] | select(.kind == "front") | [.image_offset, .length]]' '[[0,131072]]'
jq -S '[.ranges[] | select(.kind != "front")]' out | cmp want - || fail "map says something else"

seq 10000 >text
run 0 put --base-page 2 late.img 7 text
run 0 cat --base-page=2 -l "$(stat -c %s text)" late.img 7
same text out
head_is_left late.img
run 0 put c_interleaved.img 7 text
tail -c +131073 late.img | cmp - c_interleaved.img || fail "put did something else"

run 0 compact --base-page 2 hole.img
head_is_left hole.img
run 0 compact m_hole_mid.img
tail -c +131073 hole.img | cmp - m_hole_mid.img || fail "compact did something else"
run 0 rebucket --base-page 2 -b 3 hole.img three.img
head_is_left three.img
run 0 rebucket -b 3 m_hole_mid.img want.img
tail -c +131073 three.img | cmp - want.img || fail "rebucket did something else"

run 0 create --base-page 3 -b 1 new.img
[ "$(stat -c %s new.img)" = $((4 * 65536)) ] || fail "new.img has $(stat -c %s new.img) bytes"
run 0 info --json --base-page 3 new.img
json .kind '"managed"'
run 0 adopt --base-page 1 -m 0 -b 1 -l 100 front adopted.img
run 0 extract --base-page 1 --length 100 --exact adopted.img 0 back
cmp -n 100 front back || fail "adopt did something else"

golden h_structs
cat front h_structs.img >structs.img
cp structs.img kept.img
run 0 dump h_structs.img 1
mv out want
run 0 dump --base-page 2 structs.img 1
same out want
head -n 9 want | "$program" load --base-page 2 --replace structs.img 1 >out
head_is_left structs.img
run 1 diff --base-page 2 --records kept.img structs.img
[ "$(wc -l <out)" = 1991 ] || fail "$(tail -n 1 out)"

refused 1 "c_interleaved.img: the image has $(stat -c %s c_interleaved.img) bytes and ends before byte 65536000" \
    info --base-page 1000 c_interleaved.img
run 2 info --base-page -1 late.img
run 2 info --base-page 8388609 late.img
