#!/bin/bash
# SPDX-License-Identifier: MIT
# overlay= and ephemeral leave the image as it is; commit makes of it what the same edits would have
# made; an overlay on another base is refused.
. "${0%/*}/../../mount/lib.sh"

edit() {
	head -c 2000000 /dev/zero | tr '\0' x >"$MNT/5"
	rm "$MNT/0"
	cp "$T/b" "$MNT/9"
	truncate -s 500000 "$MNT/5"
	fallocate -l 100000 "$MNT/11"
}
state() { sha256sum <"$1"; stat -c %y "$1"; }

create 2
head -c 1000000 /dev/urandom >"$T/a"
head -c 300000 /dev/urandom >"$T/b"
"$CANISTERFS" put "$IMG" 5 "$T/a"
"$CANISTERFS" put "$IMG" 0 "$T/b"
cp "$IMG" "$T/direct"
before=$(state "$IMG")
start_on "$T/direct" "$MNT"
edit
! "$CANISTERFS" run "$T/direct" true 2>"$T/said" || fail "ran on an image that changes"
grep -q "the base $T/direct: in use" "$T/said" || fail "said: $(cat "$T/said")"
stop

start -o overlay="$T/o.qcow2"
edit
mkdir "$MNT/.snap/inside"
cmp -n 300000 "$T/b" "$MNT/.snap/inside/9"
rmdir "$MNT/.snap/inside"
stop
is "$before" "$(state "$IMG")" "the base"
start -o overlay="$T/o.qcow2"
cmp -n 300000 "$T/b" "$MNT/9"
! "$CANISTERFS" discard "$T/o.qcow2" 2>"$T/said" || fail "discarded while mounted"
grep -q "in use" "$T/said" || fail "said: $(cat "$T/said")"
stop
"$CANISTERFS" commit --out "$T/flat" "$T/o.qcow2"
cmp "$T/flat" "$T/direct"

# What the base's own snapshot has outlives the commit.
touch -d "$(sed -n 2p <<<"$before")" "$IMG"
"$CANISTERFS" snapshot create "$T/flat" was
start_on "$T/flat" "$MNT" -o overlay="$T/p.qcow2"
echo more >"$MNT/20"
stop
"$CANISTERFS" commit "$T/p.qcow2"
start_on "$T/flat" "$MNT"
is "11 5 9" "$(ls "$MNT/.snap/was" | paste -sd' ')" "the base's snapshot"
[ -e "$MNT/20" ] || fail "the commit is lost"
stop

"$CANISTERFS" commit "$T/o.qcow2"
cmp "$IMG" "$T/direct"
[ ! -e "$T/o.qcow2" ] || fail "the overlay is left"

before=$(state "$IMG")
mkdir "$T/tmp"
start -o ephemeral,scratch="$T/tmp"
echo x >"$MNT/1"
mkdir "$MNT/.snap/one"
rm "$MNT/1"
[ -e "$MNT/.snap/one/1" ] || fail "no snapshot in an ephemeral mount"
stop
is "$before" "$(state "$IMG")" "the base of an ephemeral mount"
is "" "$(ls "$T/tmp")" "what is left of an ephemeral mount"

start -o overlay="$T/o.qcow2"
echo x >"$MNT/1"
stop
touch "$IMG"
for verb in "mount -f -o overlay=$T/o.qcow2 $IMG $MNT" "commit $T/o.qcow2"; do
	! "$CANISTERFS" $verb 2>"$T/said" || fail "$verb: done"
	grep -q "was changed since" "$T/said" || fail "said: $(cat "$T/said")"
done
! "$CANISTERFS" mount -f -o overlay="$T/o.qcow2" "$T/direct" "$MNT" 2>"$T/said" || fail "mounted"
grep -q "is an overlay of" "$T/said" || fail "said: $(cat "$T/said")"
"$CANISTERFS" discard "$T/o.qcow2"
