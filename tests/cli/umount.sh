#!/bin/bash
# SPDX-License-Identifier: MIT
# umount: when it returns the image is whole and free; what is busy or is no mount of ours stays.
. "$(dirname "$0")/lib.sh"

"$program" --complete '' | grep -qx mount || skip "built without the mount"
[ -c /dev/fuse ] && [ -w /dev/fuse ] || skip "there is no /dev/fuse"
clean_up() {
    cd /
    for mnt in "$work"/mnt*; do
        ! is_mounted "$mnt" || unmount -l "$mnt"
    done
}

golden l_sqlite
mkdir mnt
cp l_sqlite.img a.img
"$program" mount a.img mnt 2>err || skip "cannot mount: $(cat err)"

for round in 1 2 3 4 5; do
    head -c $((round * 100000)) /dev/urandom >content
    cp content mnt/9
    run 0 umount mnt
    # The image is free at once, and has all of it.
    run 0 put a.img 10 content
    run 0 cat -l $((round * 100000)) a.img 9
    same out content
    run 0 check a.img
    run 0 mount a.img mnt
done

refused 1 "mnt: in use: a program has a file open there, or its current directory" umount mnt 9<mnt/3
[ -e mnt/3 ] || fail "a busy mount was taken away"
run 0 umount mnt/
refused 1 "mnt: no canisterfs is mounted there" umount mnt
refused 1 "nowhere: cannot find: No such file or directory" umount nowhere
refused 1 "/proc: no canisterfs is mounted there" umount /proc

# A mount whose daemon was killed, and names that the kernel's table writes otherwise.
for name in 'mnt with blank' 'mnt\134back' 'mnt,comma#hash'; do
    mkdir "$name"
    cp l_sqlite.img "$name.img"
    "$program" mount -f "$name.img" "$name" 2>log &
    daemon=$!
    until_mounted "$name" $daemon log
    [ -e "$name/3" ] || fail "no memory 3 at $name"
    if [ "$name" = 'mnt with blank' ]; then
        kill -9 $daemon
        wait $daemon 2>/dev/null || true
        ! ls "$name" 2>/dev/null >&2 || fail "still alive"
        run 0 umount "$name"
    else
        run 0 umount "$name"
        wait $daemon || fail "the daemon of $name exited $?: $(cat log)"
    fi
    [ -z "$(ls "$name")" ] || fail "still mounted at $name"
    run 0 check --repair "$name.img"
done

# Two names for one place.
ln -s mnt link
run 0 mount a.img link
run 0 umount link
