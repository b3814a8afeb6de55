#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever call of a mount's daemon fails, with EIO or ENOSPC: all bytes are there whose writer was not
# told of an error. Where umount fails, it does not the second time; but after a sync that failed
# bytes are not taken for written, however often umount is asked, until their writer writes them again.
. "${0%/*}/../../mount/lib.sh"
requires python3
[ -n "${KILL_AT_LIB:-}" ] || skip "no way to fail a call"

expect_scratch '.*'
expect_log 'canisterfs: .*'
head -c 300000 /dev/urandom >"$T/a"
head -c 200000 /dev/urandom >"$T/b"
cat >"$T/work.py" <<'PY'
import os, sys
mnt, a, b, done = sys.argv[1:5]
a, b = open(a, "rb").read(), open(b, "rb").read()

def step(name, *calls):
    """Notes a step when all of its calls have succeeded."""
    try:
        for call in calls:
            call()
    except OSError:
        return
    with open(done, "a") as f:
        f.write(name + "\n")

def write(name, data, off=0, flags=os.O_CREAT | os.O_RDWR):
    def call():
        fd = os.open(f"{mnt}/{name}", flags, 0o644)
        try:
            at = 0
            while at < len(data):
                at += os.pwrite(fd, data[at:], off + at)
            os.fsync(fd)
        finally:
            os.close(fd)
    return call

step("5", write("5", a))
step("snapshot", lambda: os.mkdir(f"{mnt}/.snap/s"))
step("5b", write("5", b[:70000], 100000))
step("6", write("6", b))
step("notes", write("notes", a[:90000]))
step("7", lambda: os.rename(f"{mnt}/notes", f"{mnt}/7"))
step("8", lambda: os.rename(f"{mnt}/6", f"{mnt}/8"))
step("saved", lambda: os.rename(f"{mnt}/8", f"{mnt}/saved"))
step("cut", lambda: os.truncate(f"{mnt}/7", 50000))
PY
# What the steps that succeeded make of the mount; "FILE ?" for one that may be either.
check_steps() {
	python3 - "$MNT" "$T/a" "$T/b" "$T/done" <<-'PY'
		import os, sys
		mnt, a, b, done = sys.argv[1:5]
		a, b = open(a, "rb").read(), open(b, "rb").read()
		done = set(open(done).read().split()) if os.path.exists(done) else set()
		def read(name):
		    path = f"{mnt}/{name}"
		    return open(path, "rb").read() if os.path.exists(path) else None
		# Without scratch files the next mount shows whole pages.
		def is_same(got, want):
		    return got is not None and got[:len(want)] == want and not any(got[len(want):])
		def hold(name, want, why):
		    got = read(name)
		    if not is_same(got, want):
		        at = next((i for i, (x, y) in enumerate(zip(got or b"", want)) if x != y), -1)
		        sys.exit(f"{why}: {name} has {len(got or b'')} bytes and differs at {at}; done: {sorted(done)}")
		if {"5", "5b"} <= done:
		    hold("5", a[:100000] + b[:70000] + a[170000:], "written and synced")
		if {"5", "snapshot"} <= done:
		    hold(".snap/s/5", a, "in the snapshot")
		if "6" in done:
		    # A memory that was emptied may own a bucket that it does not need.
		    places = [n for n in ("6", "8", "saved") if read(n)]
		    if not places:
		        sys.exit(f"what was 6 is nowhere; done: {sorted(done)}")
		    for place in places:
		        hold(place, b, "renamed")
		if {"notes", "7", "cut"} <= done:
		    hold("7", a[:50000], "renamed and cut")
		elif "notes" in done:
		    places = [n for n in ("notes", "7") if read(n)]
		    if not places:
		        sys.exit(f"what was notes is nowhere; done: {sorted(done)}")
		    for place in places:
		        got = read(place)
		        # Where cutting failed, what was to be cut off may be gone in part.
		        if not any(is_same(got, a[:n]) for n in (50000, 65536, 90000)):
		            sys.exit(f"{place} has {len(got)} other bytes; done: {sorted(done)}")
	PY
}

give_up() {
	grep -qE 'left mounted, .* (bytes .* of (memory|scratch file) .* not written|sync)' "$T/said" ||
		fail "call $n fails, and umount fails twice: $(cat "$T/said")"
	kill -KILL $daemon
	umount -l "$MNT"
	given_up=$((given_up + 1))
}

choose_seed
points=0
given_up=0
# In a long run, every call.
stride=$((9 / $(rounds 1)))
[ "$stride" -ge 1 ] || stride=1
n=$((seed % stride + 1))
while :; do
	rm -rf "$IMG" "$IMG".* "$T/reached" "$T/done"
	create 1
	# Where the program has a sanitizer, that one need not come first.
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0:detect_leaks=0 LD_PRELOAD=$KILL_AT_LIB FAIL_AT=$n \
		FAIL_ERRNO=$((n % 2 ? 5 : 28)) FAIL_MARK=$T/reached "$CANISTERFS" mount -f "$IMG" "$MNT" 2>"$T/daemon.log" &
	daemon=$!
	until is_mounted "$MNT" || ! kill -0 $daemon 2>/dev/null; do sleep 0.01; done
	if is_mounted "$MNT"; then
		python3 "$T/work.py" "$MNT" "$T/a" "$T/b" "$T/done"
		"$CANISTERFS" umount "$MNT" >"$T/said" 2>&1 || [ $? = 3 ] ||
			"$CANISTERFS" umount "$MNT" >"$T/said" 2>&1 || [ $? = 3 ] || give_up
	fi
	rc=0
	wait $daemon || rc=$?
	[ "$rc" -lt 124 ] || [ "$rc" = 137 ] || fail "call $n fails: the daemon ended with $rc: $(cat "$T/daemon.log")"
	[ -e "$T/reached" ] || break
	points=$((points + 1))
	start
	check_steps || fail "call $n fails: see above; the daemon said: $(cat "$T/daemon.log")"
	stop
	# 4: a bucket that its owner does not need, which is what a fault may leave.
	"$CANISTERFS" check "$IMG" >"$T/said" 2>&1 || [ $? = 4 ] || fail "call $n fails: $(cat "$T/said")"
	n=$((n + stride))
done
[ "$points" -ge 8 ] || fail "only $points points"
echo "$points points, at $given_up of them bytes stayed unwritten"
