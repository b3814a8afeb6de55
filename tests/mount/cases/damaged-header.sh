#!/bin/bash
# SPDX-License-Identifier: MIT
# Damaged header pages: no crash, no hang, one line that says what is wrong; the image is not touched
# unless it is sound enough to be written to.
. "${0%/*}/../lib.sh"

golden c_interleaved "$T/good"
choose_seed
cat >"$T/damage.py" <<'PY'
import random, sys
random.seed(sys.argv[1])
data = bytearray(open(sys.argv[2], "rb").read())
if random.random() < 0.2:
    del data[random.randrange(65537):]
else:
    for _ in range(random.randint(1, 8)):
        # most of the page is the table's; the fields deserve more
        at = random.choice([random.randrange(8), random.randrange(40, 80), random.randrange(34848)])
        data[at] ^= random.randint(1, 255)
open(sys.argv[3], "wb").write(data)
PY
try() { # try WORDS...: 0 mounted and unmounted, 1 refused
	local rc=0
	timeout 60 "$CANISTERFS" mount "$@" "$IMG" "$MNT" >"$T/said.log" 2>&1 || rc=$?
	if [ $rc = 0 ]; then
		timeout 60 cat "$MNT"/* >/dev/null 2>&1 || true
		"$CANISTERFS" umount "$MNT"
		return 0
	fi
	is 32 $rc "status, image $i: $(cat "$T/said.log")"
	is 1 "$(wc -l <"$T/said.log")" "lines, image $i: $(cat "$T/said.log")"
	return 1
}
cleanup_fn umount -lq "$MNT"
refused=0
for i in $(seq 25); do
	python3 "$T/damage.py" "$seed.$i" "$T/good" "$IMG"
	cp "$IMG" "$T/before"
	try -o ro || refused=$((refused + 1))
	cmp "$IMG" "$T/before" || fail "a mount for reading has written, image $i"
	try || cmp "$IMG" "$T/before" || fail "a refused mount has written, image $i"
done
[ $refused -gt 3 ] || fail "only $refused of 25 were refused"
