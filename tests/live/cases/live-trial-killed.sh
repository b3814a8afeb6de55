#!/bin/bash
# SPDX-License-Identifier: MIT
# What an ephemeral mount or a run leaves when it is killed goes away with the next one, and what is
# in use stays.
. "${0%/*}/../../mount/lib.sh"

export TMPDIR=$T/tmp
mkdir "$TMPDIR" "$T/mnt2"
left() { find "$TMPDIR" -mindepth 1 -maxdepth 1 | wc -l; }
create 2
start -o ephemeral
start_on "$IMG" "$T/mnt2" -o ephemeral
is 2 "$(left)" "the directories of two mounts"
kill -KILL "${daemon_of[$MNT]}"
wait "${daemon_of[$MNT]}" || true
unmount -l "$MNT"
start -o ephemeral
is 2 "$(left)" "those of one that was killed and of two that live"
echo here >"$T/mnt2/5"
is here "$(head -c 4 "$T/mnt2/5")" "the one that lived on"
stop
stop "$T/mnt2"
is 0 "$(left)" "what is left of mounts that ended"

"$CANISTERFS" run "$IMG" -- sh -c "echo \$MNT >$T/where; exec sleep 1000" 2>"$T/said" &
run=$!
until [ -s "$T/where" ]; do sleep 0.01; done
command=$(cat "/proc/$run/task/$run/children")
kill -KILL "$run"
wait "$run" || true
# shellcheck disable=SC2086
kill $command
"$CANISTERFS" run "$IMG" -- true >/dev/null
is 1 "$(left)" "that of a run whose mount lives"
"$CANISTERFS" umount "$(cat "$T/where")"
"$CANISTERFS" run "$IMG" -- true >/dev/null
is 0 "$(left)" "what is left of a run that was killed"
