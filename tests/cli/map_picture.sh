#!/bin/bash
# SPDX-License-Identifier: MIT
# map on a terminal: a picture of which no line is broader than the terminal.
. "$(dirname "$0")/lib.sh"

script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip "this machine gives no terminal"
golden m_hole_mid
picture() {
    TERM=xterm-256color script -qec "stty cols $1; $2 $program map ${3:-m_hole_mid.img}" /dev/null </dev/null | tr -d '\r'
}
for width in 20 40 80 200; do
    picture "$width" "NO_COLOR=1" >shown
    [ "$(head -n 1 shown)" = "m_hole_mid.img: 12 buckets of 16 pages (1 MiB)" ] || fail "$(cat shown)"
    # Below 60 columns the legend's words may stand out; the tiles may not.
    sed -n '3,/^$/p' shown | awk -v w="$width" 'length > w { exit 1 }' || fail "broader than $width: $(cat shown)"
    ! grep -q $'\033' shown || fail "coloured in spite of NO_COLOR"
done
picture 80 "" >shown
grep -q $'\033\\[48;5;33' shown || fail "no colours: $(cat shown)"
picture 80 "" "--json m_hole_mid.img" | jq -e .schema >/dev/null || fail "--json is no JSON on a terminal"
picture 80 "" >shown
! grep -q 'x0a' shown || fail "the legend is one line: $(cat shown)"
# What a memory does not use is hatched on its own colour, so that it is seen on any background.
grep -q $'\033\\[48;5;[0-9]*m\033\\[38;5;[0-9]*m░' shown || fail "slack has no colour behind it: $(cat -v shown)"

# Many full buckets of one memory are one bar with a count.
run 0 create -b 1 bar.img
head -c 65536000 /dev/zero | "$program" put bar.img 7
head -c 65536 /dev/zero | "$program" put bar.img 8
picture 80 "NO_COLOR=1" bar.img >shown
grep -q '= 7: 1,000 buckets =' shown || fail "no bar: $(cat shown)"
[ "$(wc -l <shown)" -le 12 ] || fail "a long picture: $(cat shown)"
grep -q '7   62.5 MiB, 1,000 buckets' shown || fail "$(cat shown)"

# Seventeen memories, sixteen colours: the first and the last are neighbours, and differ.
run 0 create -b 1 colours.img
for id in $(seq 0 16); do
    head -c 65536 /dev/zero | "$program" put colours.img "$id"
done
head -c 131072 /dev/zero | "$program" put colours.img 0
picture 200 "" colours.img | sed -n 3p | grep -o '48;5;[0-9]*' | uniq >codes
[ "$(wc -l <codes)" = 18 ] || fail "neighbours have one colour: $(cat codes)"

# A table goes on below its last column where the terminal is narrow.
TERM=xterm script -qec "stty cols 60; $program info m_hole_mid.img" /dev/null </dev/null | tr -d '\r' >shown
sed -n '/id  pages/,$p' shown >table
[ "$(wc -L <table)" -le 60 ] || fail "broader than 60: $(cat table)"
