#!/bin/bash
# SPDX-License-Identifier: MIT
# A full disk: put and repair fail with a reason, and the image is as it was. So do they where the
# length of files is limited.
. "$(dirname "$0")/lib.sh"

golden l_sqlite
sha256sum l_sqlite.img >sum
head -c 8M /dev/zero >big
for words in "put l_sqlite.img 5 big" "checkpoint l_sqlite.img out.qcow2" "rebucket -b 64 l_sqlite.img out.img"; do
    # in blocks of 512 or 1024 bytes: less than the image or its checkpoint
    got=0
    # shellcheck disable=SC2086
    (ulimit -f 20 && exec "$program" $words) >out 2>err || got=$?
    [ $got = 1 ] || fail "$words: exited $got: $(cat err)"
    [[ "$(cat err)" = "canisterfs: "*": File too large" ]] || fail "$words said: $(cat err)"
    sha256sum --quiet -c sum || fail "$words: the image was changed"
    [ "$(find . -name '*out*' | wc -l)" = 1 ] || fail "$words left $(ls -A)"
done

[ "$(id -u)" = 0 ] || skip "only root can mount a small file system"
mkdir small
mount -t tmpfs -o size=4m tmpfs small 2>/dev/null || skip "cannot mount a small file system"
clean_up() {
    umount small
}

cp l_sqlite.img small/a.img
sha256sum small/a.img >sum
dd if=/dev/urandom of=big bs=1M count=8 status=none
run 1 put small/a.img 5 big
grep -q '^canisterfs: small/a.img: .*No space left on device$' err || fail "said: $(cat err)"
run 0 check small/a.img
run 0 info --json small/a.img
json '[.memories[].id]' '[0,3]'
run 0 cat small/a.img 3
"$program" cat l_sqlite.img 3 | cmp - out || fail "memory 3 was changed"

# No room for what a repair overwrites: it does not begin.
cp l_sqlite.img small/a.img
printf '\377' | dd of=small/a.img bs=1 seek=2081 conv=notrunc status=none
printf '\0\0' | dd of=small/a.img bs=1 seek=40 conv=notrunc status=none
sha256sum small/a.img >sum
run 4 check small/a.img
dd if=/dev/zero of=small/fill bs=64K status=none 2>/dev/null || true
run 12 check --repair small/a.img
grep -q '^canisterfs: small/a.img: .*No space left on device$' err || fail "said: $(cat err)"
sha256sum --quiet -c sum || fail "the image was changed"
rm small/fill
rm -f small/a.img.undo
run 1 check --repair small/a.img
run 0 check small/a.img
