#!/bin/bash
# SPDX-License-Identifier: MIT
# The memories as plain files of a directory; what a program has changed there goes back into the
# image, and nothing else does.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || skip "there is no jq"

# equal DIR IMAGE: the files are the memories, filled up to whole pages.
equal() {
    local id len
    "$program" info --json "$2" | jq -r '.memories[] | select(.pages > 0) | .id' | sort -n >ids
    diff <(find "$1" -maxdepth 1 -name '[0-9]*' -size +0 -printf '%f\n' | grep -xE '[0-9]+' | sort -n) ids ||
        fail "not the same memories"
    while read -r id; do
        len=$(stat -c %s "$1/$id")
        "$program" cat "$2" "$id" >memory
        cmp -n "$len" memory "$1/$id" || fail "memory $id differs"
        [ -z "$(tail -c +$((len + 1)) memory | tr -d '\0' | head -c 1)" ] || fail "no zeros behind $id"
    done <ids
}

golden c_interleaved m_hole_mid m_slack l_sqlite
for name in c_interleaved m_hole_mid m_slack l_sqlite; do
    sum=$(sha256sum <$name.img)
    run 0 checkout $name.img $name
    out_is ""
    equal $name $name.img
    run 0 status $name
    out_is "$name: nothing has changed"
    run 0 commit $name
    out_is "$name: nothing has changed"
    [ "$sum" = "$(sha256sum <$name.img)" ] || fail "$name.img was written to"
    run 0 discard $name
    [ -z "$(find . -name '*.checkout-*')" ] || fail "$(ls) is left"
done

# Everything that can happen to a file.
"$program" create --bucket-pages 2 a.img >out
head -c 1000000 /dev/urandom >noise
for id in 0 1 2 3 4 254; do "$program" put a.img $id noise; done
run 0 checkout a.img co
printf changed | dd of=co/0 bs=1 seek=70000 conv=notrunc status=none
rm co/1
truncate -s 100000 co/2
printf more >>co/3
cp noise co/17
: >co/254
truncate -s 3M co/18
cp noise co/notes.txt
run 0 status --json co
json '[.changes[] | [.id, .change, .old_pages, .pages, .changed_pages]]' \
    '[[0,"changed",16,16,1],[1,"removed",16,0,0],[2,"cut",16,2,1],[3,"grown",16,17,1],[17,"new",0,16,16],[18,"new",0,48,0],[254,"removed",16,0,0]]'
equal_before=$(sha256sum <a.img)
run 0 commit --out b.img co
[ "$equal_before" = "$(sha256sum <a.img)" ] || fail "--out changed the image"
equal co b.img
run 0 commit co
grep -q '3  *grown' out || fail "commit says $(cat out)"
equal co a.img
"$program" check a.img >/dev/null
run 0 status co
out_is "co: nothing has changed"
# and once more, since it remains a checkout
mv co/0 co/5
printf again >co/6
run 0 commit co
equal co a.img

# No more bits than the image, whatever the umask; its holes are holes.
chmod 640 a.img
truncate -s 0 co/18
(umask 0 && "$program" checkout a.img bits)
[ "$(stat -c %a bits bits/3 | paste -sd' ')" = "750 640" ] || fail "modes $(stat -c %a bits bits/3)"
"$program" create --bucket-pages 128 holes.img >out
: | "$program" put holes.img 0
python3 - <<'EOF'
import os, subprocess, sys
with open('big', 'wb') as f:
    f.truncate(64 << 20)
    f.seek(40 << 20)
    f.write(b'x')
EOF
"$program" put holes.img 0 big
run 0 checkout holes.img holes
same big holes/0
[ "$(du -k holes/0 | cut -f1)" -lt 10000 ] || fail "holes are filled: $(du -k holes/0)"

# Refused, and nothing is written.
before=$(sha256sum <a.img)
refuses() { # TEXT: commit and status of co do, with words that hold TEXT
    local verb
    for verb in commit status; do
        run 1 $verb co
        grep -q "^canisterfs: co: .*$1" err || fail "$verb says $(cat err)"
    done
    [ "$before" = "$(sha256sum <a.img)" ] || fail "a commit that was refused has written"
}
printf '\331\325\005\371 and so on' >co/3-journal
refuses "3-journal"
: >co/3-journal
printf '7\177\006\202' >co/3-wal
refuses "3-wal"
rm co/3-wal
mkfifo co/77
refuses "77 is not a plain file"
rm co/77
ln -s /etc/passwd co/77
refuses "77 cannot be opened"
rm co/77
cp a.img saved.img
printf x >>co/6
printf other | dd of=a.img bs=1 seek=200000 conv=notrunc status=none
before=$(sha256sum <a.img)
refuses "was changed since"
run 1 checkout a.img co
err_is "canisterfs: co: is not empty"
run 1 checkout nothing.img new
[ ! -e new ] || fail "a directory is left"
mkdir stranger
refused 1 "stranger: is not what 'canisterfs checkout' has made" commit stranger
# A copy is no checkout: nothing beside the image knows of it.
cp -r bits copy
printf stranger >copy/3
run 1 commit copy
grep -q 'bound to its image no more' err || fail "it says $(cat err)"
[ "$before" = "$(sha256sum <a.img)" ] || fail "a copy was committed"

# Killed at any change of a file: the image is as it was, or the next commit ends it.
rm -rf kill kill.img* base overlay
"$program" create --bucket-pages 1 kill.img >out
for id in 0 1 2; do head -c 400000 noise | "$program" put kill.img $id; done
cp -a kill.img base
run 0 checkout kill.img kill
overlay=$(ls kill.img.checkout-*)
cp -a "$overlay" overlay
printf changed | dd of=kill/0 bs=1 seek=1000 conv=notrunc status=none
printf changed | dd of=kill/0 bs=1 seek=300000 conv=notrunc status=none
truncate -s 100000 kill/1
rm kill/2
cp noise kill/9
run 0 commit kill
equal kill kill.img
run 0 check kill.img
cp kill.img want
n=1
while cp -a base kill.img && cp -a overlay "$overlay" && killed $n commit kill; do
    run 0 commit kill
    cmp want kill.img || fail "killed at $n, and committed again: another image"
    n=$((n + 1))
done
[ $n -gt 20 ] || fail "commit changes files only $n times"
cmp want kill.img
run 0 status kill
out_is "kill: nothing has changed"
[ "$(ls -d kill.img*)" = "$(printf 'kill.img\n%s' "$overlay")" ] || fail "left: $(ls -d kill.img*)"

# A checkout that is killed is none.
n=1
while rm -rf one one.img* && cp base one.img && killed $n checkout one.img one; do
    if "$program" status one >out 2>err; then
        out_is "one: nothing has changed"
    else
        grep -qE "one: (is not what .* has made|cannot be opened: .*)" err || fail "killed at $n: $(cat err)"
    fi
    n=$((n + 1))
done
[ $n -gt 3 ] || fail "checkout changes files only $n times"
