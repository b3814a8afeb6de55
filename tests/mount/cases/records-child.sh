#!/bin/bash
# SPDX-License-Identifier: MIT
# While a program has a memory open for writing, .canister/records shows what the program has written,
# by a child of the daemon: also when that child is killed. The child ends when nobody looks any more,
# and with the daemon.
. "${0%/*}/../lib.sh"
requires python3 pgrep

create 16
printf '5 = { name = "m", max_key = "unbounded" }\n' >"$T/names"
start -o names="$T/names"
daemon=${daemon_of[$MNT]}
expect_log "canisterfs: .*" # the daemon is killed
PYTHONPATH=${0%/*}/.. python3 - "$MNT" "$daemon" <<'END'
import os, signal, subprocess, sys, time
import btree
mnt, daemon = sys.argv[1], sys.argv[2]
memory = os.open(f"{mnt}/5", os.O_RDWR | os.O_CREAT)

def children():
    return [int(pid) for pid in subprocess.run(["pgrep", "-P", daemon], capture_output=True,
                                               text=True).stdout.split()]

def check(turn):
    value = b"value %d" % turn
    os.pwrite(memory, btree.build([(b"key", value)]), 0)
    with open(f"{mnt}/.canister/records/5/key", "rb") as file:
        assert file.read() == value, turn

os.pwrite(memory, btree.build([(b"key", b"first")]), 0)
os.fsync(memory)
killed = 0
for turn in range(40):
    check(turn)
    if turn % 3 == 0:
        for pid in children():
            os.kill(pid, signal.SIGKILL)
            killed += 1
assert killed, "no child was there to be killed"
while children():
    time.sleep(0.01)
check(40)
END
left=$(pgrep -P "$daemon") || :
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null || :
unmount -l "$MNT"
unset "daemon_of[$MNT]"
for pid in $left; do
	while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
done
sound
