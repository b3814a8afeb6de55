#!/bin/bash
# SPDX-License-Identifier: MIT
# .snap: takes, shows, renames and drops snapshots, and refuses all else.
. "${0%/*}/../../mount/lib.sh"

create 2
start
head -c 300000 /dev/urandom >"$T/a"
cp "$T/a" "$MNT/5"
mkdir "$MNT/.snap/one"
is "5" "$(ls -A "$MNT")" "the listing, where .snap is hidden"
is "one" "$(ls -A "$MNT/.snap")" "the snapshots"
echo other >"$MNT/5"
echo new >"$MNT/6"
is "5" "$(ls -A "$MNT/.snap/one")" "the snapshot's files"
is 300000 "$(stat -c %s "$MNT/.snap/one/5")" "the exact length of that instant"
cmp -n 300000 "$T/a" "$MNT/.snap/one/5"
[ "$(stat -c %i "$MNT/5")" != "$(stat -c %i "$MNT/.snap/one/5")" ] || fail "the same inode"

probe "EEXIST EINVAL ENAMETOOLONG" mkdir "$MNT/.snap/one" : mkdir "$MNT/.snap/.hidden" \
	: mkdir "$MNT/.snap/$(printf x%.0s $(seq 201))"
probe "ENOENT EPERM EPERM" rmdir "$MNT/.snap/two" : mkdir "$MNT/dir" : rmdir "$MNT/.snap"
probe "EROFS EROFS EROFS EROFS ENOTDIR" unlink "$MNT/.snap/one/5" : open "$MNT/.snap/one/5" O_WRONLY \
	: rename "$MNT/.snap/one/5" "$MNT/7" - : mkdir "$MNT/.snap/one/x" : rmdir "$MNT/.snap/one/5"
probe "EROFS" open "$MNT/.snap/file" 'O_WRONLY|O_CREAT'

# An open handle follows a rename, and fails cleanly after the end.
exec 7<"$MNT/.snap/one/5"
mv "$MNT/.snap/one" "$MNT/.snap/eins"
is "eins" "$(ls "$MNT/.snap")" "the renamed snapshot"
cmp -n 300000 "$T/a" - <&7
exec 8<"$MNT/.snap/eins/stable"
rmdir "$MNT/.snap/eins"
! head -c 1 <&8 >/dev/null 2>"$T/said" || fail "a dropped snapshot can be read"
grep -q "Stale file handle" "$T/said" || fail "said: $(cat "$T/said")"
exec 7<&- 8<&-
is "" "$(ls "$MNT/.snap")" "no snapshots"
stop
sound
[ ! -e "$IMG.snap" ] || fail "$IMG.snap is left"

start -o snapdir=.then
mkdir "$MNT/.then/two"
[ ! -e "$MNT/.snap" ] || fail ".snap is there"
stop
start -o ro
is "two" "$(ls "$MNT/.snap")" "read-only"
is "other" "$(tr -d '\0' <"$MNT/.snap/two/5")" "a read-only mount's snapshot"
probe "EROFS EROFS" mkdir "$MNT/.snap/x" : rmdir "$MNT/.snap/two"
stop
