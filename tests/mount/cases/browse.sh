#!/bin/bash
# SPDX-License-Identifier: MIT
# browse of a mount: one instant of it, and its snapshots, while others write; nothing of it stays.
. "${0%/*}/../lib.sh"
. "${0%/*}/../../tmux.sh"

cleanup_fn tmux_end
"$CANISTERFS" version --json | jq -e .libraries.ncursesw >/dev/null || skip "this build has no browser"
requires tmux

golden e_btree_u64
start
mkdir "$MNT/.snap/before"
ids=$(cd "$MNT" && ls)
id=${ids%%$'\n'*}
printf changed | dd of="$MNT/$id" bs=1 seek=60000 conv=notrunc status=none
echo later >"$MNT/200"
show 100x24 "$CANISTERFS" browse "$MNT"
sees "o order"
sees "^ 200 "
echo other >"$MNT/201"
keys s
sees "before: snapshot, "
sees "^ 200 *1 *1$"
keys Enter
sees "> before"
sees_no "^ 200 "
keys Q
sees "exited with 0"
is before "$(ls "$MNT/.snap")" "snapshots"
stop
"$CANISTERFS" check "$IMG"
