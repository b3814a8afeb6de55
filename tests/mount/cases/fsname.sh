#!/bin/bash
# SPDX-License-Identifier: MIT
# Paths with commas, backslashes, blanks and newlines: mounted, listed, unmounted.
. "${0%/*}/../lib.sh"

n=0
for name in 'a,b' 'a\b' 'a b' $'a\nb' 'ro,x=\,"' -o; do
	n=$((n + 1))
	dir="$T/$n $name"
	mkdir -p "$dir/mnt"
	create 1 "$dir/$name"
	"$CANISTERFS" mount -- "$dir/$name" "$dir/mnt"
	cleanup_fn umount -lq "$dir/mnt"
	printf x >"$dir/mnt/1"
	is "$dir/$name" "$(findmnt -Jno SOURCE "$dir/mnt" | python3 -c '
import json, sys
print(json.load(sys.stdin)["filesystems"][0]["source"], end="")'; )" "source" ||
		fail "$(findmnt -Jno SOURCE "$dir/mnt")"
	"$CANISTERFS" umount "$dir/mnt"
	sound "$dir/$name"
done
