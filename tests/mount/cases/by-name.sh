#!/bin/bash
# SPDX-License-Identifier: MIT
# With -o names, by-name has links to the memories, and no state but new and active lets anybody
# change one; without, by-name is a name like any other.
. "${0%/*}/../lib.sh"
requires jq python3

cat >"$T/names.toml" <<'END'
0 = { name = "settings" }
3 = { name = "old", state = "deprecated" }
4 = { name = "idle", state = "unused" }
5 = { name = "journal", kind = "log", data = 6 }
7 = { name = "gone", state = "removed" }
9 = { name = "next", state = "new" }
10 = { name = "was here", state = "removed" }
11 = { name = "never", state = "deprecated" }
12 = { name = "numbers", key = "u64be" }
END
golden h_structs
"$CANISTERFS" info --names "$T/names.toml" "$IMG" >"$T/toml.log" 2>&1 ||
	skip "$(cat "$T/toml.log")"
start -o "names=$T/names.toml"
is "0 1 2 3 4 5 6 7 8 by-name" "$(ls "$MNT" | paste -sd' ')" "files"
is "idle journal never next numbers old settings" "$(ls "$MNT/by-name" | paste -sd' ')" "names"
is "../5" "$(readlink "$MNT/by-name/journal")"
is "lrwxrwxrwx 1 4" "$(stat -c '%A %h %s' "$MNT/by-name/journal")" "the link"
cmp "$MNT/by-name/settings" "$MNT/0"
[ ! -L "$MNT/by-name/gone" ] && [ ! -L "$MNT/by-name/5" ] || fail "a link too many"
is "dr-xr-xr-x" "$(stat -c %A "$MNT/by-name")" "the folder's mode"
probe "EPERM EPERM EPERM EISDIR EISDIR" open "$MNT/by-name/x" 'O_RDWR|O_CREAT' \
	: unlink "$MNT/by-name/old" : rename "$MNT/0" "$MNT/by-name/0" - \
	: open "$MNT/by-name" O_RDWR : rename "$MNT/8" "$MNT/by-name" -

is '"journal"' "$(jq '.memories[] | select(.id == 5) | .name' "$MNT/.canister/info.json")" "info.json"

# through a link, also where there is no memory yet
echo hello >"$MNT/by-name/next"
is hello "$(cat "$MNT/9")"
echo more >>"$MNT/by-name/settings"
is more "$(tail -c 5 "$MNT/0")"
is 300 "$(ls "$MNT/.canister/records/5" | wc -l)" "the log's records"

# the width of its only key cannot be told without the names file
PYTHONPATH=${0%/*}/.. python3 -c 'import btree, sys
sys.stdout.buffer.write(btree.build([(b"\1" * 8, b"one")], fixed=True))' >"$MNT/12"
is one "$(cat "$MNT/.canister/records/12/0101010101010101")"

# not in use any more: read, and nothing else
sum=$(cat "$MNT/3" "$MNT/4" "$MNT/7" | sha256sum)
for id in 3 4; do
	is -r--r--r-- "$(stat -c %A "$MNT/$id")" "mode of $id"
	probe "EROFS EROFS EROFS EROFS EROFS" open "$MNT/$id" O_WRONLY \
		: open "$MNT/$id" 'O_RDONLY|O_TRUNC' : truncate "$MNT/$id" 0 : unlink "$MNT/$id" \
		: chmod "$MNT/$id" 0644
	probe "EROFS EROFS EROFS" rename "$MNT/$id" "$MNT/20" - : rename "$MNT/8" "$MNT/$id" - \
		: rename "$MNT/8" "$MNT/$id" EXCHANGE
	! touch "$MNT/$id" 2>/dev/null || fail "touched $id"
done
probe "EROFS" open "$MNT/11" 'O_RDWR|O_CREAT'

# removed: what is left can be read, and removed; the id is not used again
probe "EPERM EPERM EPERM EPERM" open "$MNT/7" O_RDWR : truncate "$MNT/7" 0 \
	: rename "$MNT/8" "$MNT/7" - : rename "$MNT/7" "$MNT/20" -
is "$sum" "$(cat "$MNT/3" "$MNT/4" "$MNT/7" | sha256sum)" "what cannot be changed"
rm -f "$MNT/7"
[ ! -e "$MNT/7" ] || fail "7 is still there"
probe "EPERM EPERM EPERM" open "$MNT/7" 'O_RDWR|O_CREAT' : mknod "$MNT/10" REG \
	: rename "$MNT/8" "$MNT/10" -

# a rollback is no change by a program
"$CANISTERFS" snapshot create "$MNT" before >/dev/null
rm "$MNT/8"
"$CANISTERFS" snapshot rollback "$MNT" before >/dev/null
is "$(stat -c %s "$MNT/3")" "$(wc -c <"$MNT/3")" "3 after a rollback"
[ -s "$MNT/8" ] || fail "8 is not back"
stop

# without names
start
[ ! -e "$MNT/by-name" ] || fail "by-name without names"
expect_log "canisterfs: .*: the records of memory 12: keys of .* different widths fit .*"
! ls "$MNT/.canister/records/12" 2>"$T/said.log" || fail "a map whose keys can be read in many ways"
grep -q 'Numerical argument out of domain' "$T/said.log" || fail "$(cat "$T/said.log")"
echo >"$MNT/by-name"
echo >>"$MNT/3"
expect_scratch by-name
stop

# what is wrong with a file of names is said before the mount
for wrong in '5 = { }' '5 = { name = "a", colour = "red" }' '5 = 6 = 7' \
	'5 = { name = "a/b" }' '300 = { name = "a" }'; do
	echo "$wrong" >"$T/wrong.toml"
	rc=0
	"$CANISTERFS" mount "$IMG" "$MNT" -o "ro,names=$T/wrong.toml" >"$T/said.log" 2>&1 || rc=$?
	is "32 1" "$rc $(wc -l <"$T/said.log")" "mounting with $wrong: $(cat "$T/said.log")"
	! is_mounted "$MNT" || fail "mounted with $wrong"
done
"$CANISTERFS" mount "$IMG" "$MNT" -o "ro,names=$T/no.toml" >"$T/said.log" 2>&1 && fail "no file"
grep -q "no.toml" "$T/said.log" || fail "$(cat "$T/said.log")"
"$CANISTERFS" "$IMG" "$MNT" -o "ro,names=$T/names.toml"
is ../5 "$(readlink "$MNT/by-name/journal")"
"$CANISTERFS" umount "$MNT"
