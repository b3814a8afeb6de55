#!/bin/bash
# SPDX-License-Identifier: MIT
# No verb replaces a file that is mounted, that another canisterfs reads, or on which live snapshots
# hang, whatever --force says.
. "${0%/*}/../../mount/lib.sh"

create 2
head -c 3000000 /dev/urandom >"$T/a"
"$CANISTERFS" put "$IMG" 5 "$T/a"
cp "$IMG" "$T/other"
"$CANISTERFS" checkpoint "$T/other" "$T/ckpt" >/dev/null
"$CANISTERFS" checkpoint "$T/other" "$T/used.ckpt" >/dev/null

# The verbs that replace FILE, with all the words they need.
replacing=(
	"checkpoint --force $T/other FILE" "checkpoint --force --base $T/ckpt $T/other FILE"
	"restore --force $T/ckpt FILE" "extract --force $T/other 5 FILE" "create --force -b 2 FILE"
	"rebucket --force -b 4 $T/other FILE" "compact --force $T/other FILE"
	"adopt --force -m 1 -b 2 -l 65536 $T/a FILE" "waste --force --html FILE $T/other"
	"report --force -o FILE $T/other"
)
# Each verb that knows --force is here.
for verb in $("$CANISTERFS" --complete '' | grep -vx -e help -e '-.*'); do
	"$CANISTERFS" --complete "$verb" -- | grep -qx -e --force || continue
	case $verb in cat | commit) continue ;; esac # neither replaces a file of its first words
	printf '%s\n' "${replacing[@]}" | grep -q "^$verb " || fail "$verb is not tried"
done

# kept FILE TEXT: nothing replaces the file, and the refusal says why.
kept() {
	local words before
	before=$(stat -c '%i %Y' "$1")
	for words in "${replacing[@]}"; do
		! "$CANISTERFS" ${words/FILE/$1} >"$T/said" 2>&1 || fail "$words: replaced $1"
		grep -q "$2" "$T/said" || fail "$words: said $(cat "$T/said")"
		is "$before" "$(stat -c '%i %Y' "$1")" "$1 after $words"
	done
}

start
kept "$IMG" "in use"
stop
start -o ro
kept "$IMG" "in use"
stop
start_on "$T/used.ckpt" "$MNT" -o ro
kept "$T/used.ckpt" "in use"
stop
start_on "$T/other" "$MNT" -o overlay="$T/over"
echo x >"$MNT/1"
kept "$T/over" "in use"
stop
start_on "$T/other" "$MNT" -o overlay="$T/over"
! "$CANISTERFS" commit --force --out "$T/over" "$T/over" 2>"$T/said" || fail "committed a mount"
stop
"$CANISTERFS" snapshot create "$IMG" before
kept "$IMG" "snapshots"
for words in "${replacing[@]}"; do
	cp "$T/a" "$T/free"
	"$CANISTERFS" ${words/FILE/$T/free} >/dev/null || fail "$words: does not replace what nobody uses"
	! cmp -s "$T/a" "$T/free" || fail "$words: replaced nothing"
done
