#!/bin/bash
# SPDX-License-Identifier: MIT
# snapshot create, list, remove, rename, rollback and diff say and do the same on a mount and on an
# image.
. "${0%/*}/../../mount/lib.sh"
requires jq

snap() { "$CANISTERFS" snapshot "$@"; }
changes() { snap diff "$@" --json | jq -c '[.memories[] | [.id, .pages]]'; }

head -c 1000000 /dev/urandom >"$T/a"
head -c 300000 /dev/urandom >"$T/b"
# try IMAGE-OR-MOUNT PUT: where PUT ID FILE changes a memory.
try() {
	local where=$1 put=$2
	$put 5 "$T/a"
	$put 0 "$T/b"
	snap create "$where" one
	is "[]" "$(changes "$where" one)" "no change"
	$put 5 "$T/b"
	$put 9 "$T/a"
	is "[[5,16],[9,16]]" "$(changes "$where" one)" "the changes"
	snap create "$where" two
	is "[]" "$(changes "$where" two)" "no change since the second"
	$put 0 "$T/a"
	is "[[5,16],[9,16]]" "$(changes "$where" one two)" "the changes in between"
	is '[["one",3,"0,5,9",false],["two",1,"0",false]]' "$(snap list "$where" --json |
		jq -c '[.snapshots[] | [.name, .memories_changed, .memories, .stale]]')" "the list"
	snap rename "$where" two zwei
	snap rollback "$where" one --memory 5
	is "[[0,16],[9,16]]" "$(changes "$where" one)" "one memory is back"
	snap rollback "$where" one
	is "[]" "$(changes "$where" one)" "all is back"
	is "[[5,16],[9,16]]" "$(changes "$where" one zwei)" "a newer one stays"
	snap rollback "$where" zwei
	snap remove "$where" one
	is "[]" "$(changes "$where" zwei)" "forth again"
	! snap remove "$where" one 2>"$T/said" || fail "removed twice"
	is "canisterfs: $where: there is no snapshot 'one'" "$(cat "$T/said")" "the refusal"
	snap remove "$where" zwei
	is "no snapshots" "$(snap list "$where")" "the empty list"
}

into_image() { "$CANISTERFS" put "$IMG" "$1" "$2"; }
into_mount() { cp "$2" "$MNT/$1"; }

create 2
try "$IMG" into_image
sound
create 2 "$T/mounted"
start_on "$T/mounted" "$MNT"
try "$MNT" into_mount
stop
sound "$T/mounted"
cmp -n 300000 "$T/b" <("$CANISTERFS" cat "$IMG" 0)

# Who has a file open sees at once what was brought back, longer or shorter.
start
cp "$T/b" "$MNT/5"
snap create "$MNT" short
exec 7<>"$MNT/5"
cp "$T/a" "$MNT/5"
snap rollback "$MNT" short
is 300000 "$(stat -L -c %s /dev/fd/7)" "the open file's length"
cmp -n 300000 "$T/b" - <&7
exec 7<&-
stop
sound

# Another image in its place is none that snapshots could stand on; the way there is a verb's.
! "$CANISTERFS" rebucket -f -b 1 "$IMG" "$IMG" >/dev/null 2>"$T/said" || fail "snapshots were left behind"
grep -q "'canisterfs snapshot remove' them first" "$T/said" || fail "said: $(cat "$T/said")"

# Another hand on the image.
printf x | dd of="$IMG" bs=1 seek=70000 conv=notrunc status=none
is '["short",true]' "$(snap list "$IMG" --json | jq -c '.snapshots[0] | [.name, .stale]')" "stale"
! snap rollback "$IMG" short 2>"$T/said" || fail "a stale one was brought back"
grep -q "stale" "$T/said" || fail "said: $(cat "$T/said")"
snap remove "$IMG" short
is "no snapshots" "$(snap list "$IMG")" "nothing left"
