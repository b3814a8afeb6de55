#!/bin/bash
# SPDX-License-Identifier: MIT
# A manager that begins behind something else is found, and what lies before it stays.
. "$(dirname "$0")/lib.sh"

page=65536
golden c_interleaved m_hole_mid a_empty
head -c $((3 * page)) /dev/urandom >front
cat front c_interleaved.img >late.img

front_is_left() {
    cmp -n $((3 * page)) front "$1" || fail "the pages before the manager of $1 have changed"
}
begins_at() {
    run 0 info --json "$2"
    json .kind '"managed"'
    json .base_page "$1"
}

begins_at 3 late.img
err_is "canisterfs: late.img: note: the manager begins at page 3; before it lie 3 pages"
json .front.bytes $((3 * page))
json .pages "$(($(stat -c %s late.img) / page))"
run 0 info late.img
grep -q 'front     192 KiB before the manager: begins like nothing known' out || fail "$(cat out)"
cat front a_empty.img >empty.img
begins_at 3 empty.img

# Verbs that write find it, too, and keep the front.
seq 10000 >text
run 0 put late.img 7 text
run 0 cat -l "$(stat -c %s text)" late.img 7
same text out
front_is_left late.img
run 0 put c_interleaved.img 7 text
tail -c +$((3 * page + 1)) late.img | cmp - c_interleaved.img || fail "put did something else"
cat front m_hole_mid.img >hole.img
run 0 compact --json hole.img small.img
json .image_bytes "$(stat -c %s small.img)"
front_is_left small.img
run 0 compact hole.img
front_is_left hole.img
run 0 rebucket --json -b 1 late.img other.img
json .image_bytes "$(stat -c %s other.img)"
front_is_left other.img
run 0 rebucket -f -b 2 other.img other.img
front_is_left other.img
begins_at 3 other.img
run 0 checkpoint late.img late.ckpt
begins_at 3 late.ckpt
run 0 restore late.ckpt back.img
same late.img back.img
run 0 verify late.ckpt

# What lies in front is compared, found and mapped.
run 0 compare --json late.img other.img
json '[.result, .front.differing_pages]' '["same content",0]'
printf changed | dd of=other.img bs=1 seek=100000 conv=notrunc status=none
run 1 compare --json late.img other.img
json '[.result, .front.differing_pages, .front.first_offset]' '["different",1,100000]'
run 1 compare late.img other.img
grep -q 'different before the manager, other layout' out || fail "$(cat out)"
run 0 find --json --text changed other.img
json '[.matches[] | [.place, .image_offset]]' '[["front",100000]]'
run 0 map --json late.img
json '[.ranges[] | select(.kind == "front") | .length]' "[$((3 * page))]"

# Only a whole manager counts, and only within the first 4,096 pages.
head -c "$(($(stat -c %s late.img) - page))" late.img >cut.img
run 0 info --json cut.img
json .kind '"raw"'
truncate -s $((4095 * page)) far.img
cat c_interleaved.img >>far.img
begins_at 4095 far.img
truncate -s $((4096 * page)) beyond.img
cat c_interleaved.img >>beyond.img
run 0 info --json beyond.img
json .kind '"raw"'
run 0 info --json --base-page 4096 beyond.img
json .base_page 4096
printf raw >sparse.img
truncate -s 400G sparse.img
run 0 info --json sparse.img
json .kind '"raw"'

# A manager inside the structure that the image is, or beside another one, is not written to.
len=$((2 * page + $(stat -c %s a_empty.img) - 9))
{
    printf '%08x' $((len + 5)) | sed 's/\(..\)\(..\)\(..\)\(..\)/\4\3\2\1/' | xxd -r -p
    printf '5a%08x' $len | xxd -r -p
    head -c $((2 * page - 9)) front
    cat a_empty.img
} >inside.img
run 0 info --json inside.img
json '[.kind, .content]' '["raw","cbor-prefixed"]'
err_is "canisterfs: inside.img: note: what begins at page 2 looks like a manager; --base-page 2 reads it"
cp inside.img was
refused 1 "inside.img: a manager begins at page 2, and the image as a whole is another structure (CBOR item of $((len + 5)) bytes, behind its length); --base-page says which is meant" \
    compact inside.img
same was inside.img
run 0 put --base-page 2 inside.img 0 text

cat late.img late.img >two.img
second=$(($(stat -c %s late.img) / page + 3))
begins_at 3 two.img
err_is "canisterfs: two.img: note: managers begin at page 3 and at page $second; this is about the first, and --base-page says which is meant"
cp two.img was
refused 1 "two.img: managers begin at page 3 and at page $second; --base-page says which is meant" \
    compact two.img
same was two.img
run 0 put --base-page $second two.img 0 text
cmp -n "$(stat -c %s late.img)" two.img late.img || fail "put wrote to the other manager"

# A manager at the first page needs no search: another one in a memory is content.
run 0 put c_interleaved.img 5 a_empty.img
begins_at 0 c_interleaved.img
err_is ""
cat front c_interleaved.img >outer.img
begins_at 3 outer.img
err_is "canisterfs: outer.img: note: the manager begins at page 3; before it lie 3 pages"
