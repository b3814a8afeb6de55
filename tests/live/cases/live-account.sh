#!/bin/bash
# SPDX-License-Identifier: MIT
# Page accounting: what a program reads and dirties is counted page by page, exactly, and held
# against a count that the program makes itself; writes of equal bytes dirty nothing.
. "${0%/*}/../../mount/lib.sh"
requires jq python3
choose_seed

create 2
head -c 4000000 /dev/urandom >"$T/a"
"$CANISTERFS" put "$IMG" 3 "$T/a"
"$CANISTERFS" put "$IMG" 4 "$T/a"

cat >"$T/program.py" <<'EOF'
import json, mmap, os, random, sys
mnt, seed, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
rnd = random.Random(seed)
PAGE = 4096
read, dirtied, reads, writes = set(), set(), 0, 0
fd = os.open(mnt + "/3", os.O_RDWR)
size = os.fstat(fd).st_size
content = bytearray(open(sys.argv[4], "rb").read()).ljust(size, b"\0")
if how == "calls":
    for _ in range(300):
        off, n = rnd.randrange(size - 20000), rnd.randrange(1, 20000)
        pages = range(off // PAGE, (off + n - 1) // PAGE + 1)
        what = rnd.randrange(4)
        if what < 2:
            assert os.pread(fd, n, off) == content[off:off + n]
            read |= set(pages)
            reads += len(pages)
            continue
        new = rnd.randbytes(n) if what == 2 else bytes(content[off:off + n])
        for page in pages:
            a, b = max(off, page * PAGE), min(off + n, page * PAGE + PAGE)
            if new[a - off:b - off] != content[a:b]:
                dirtied.add(page)
                writes += 1
        os.pwrite(fd, new, off)
        content[off:off + n] = new
else:
    m = mmap.mmap(fd, 0)
    for page in rnd.sample(range(size // PAGE), 60):
        m[page * PAGE + 5]
        read.add(page)
    for page in rnd.sample(range(size // PAGE), 30):
        at = page * PAGE + rnd.randrange(PAGE)
        read.add(page)  # a fault fetches the page
        if rnd.randrange(2):
            m[at] = m[at] ^ 1
            dirtied.add(page)
        else:
            m[at] = m[at]
    m.flush()
    m.close()
    reads, writes = len(read), len(dirtied)
os.close(fd)
json.dump({"read": [len(read), reads], "dirtied": [len(dirtied), writes]}, open(sys.argv[5], "w"))
EOF

for how in calls mmap; do
	for ((i = 0; i < $(rounds 3); i++)); do
		"$CANISTERFS" run --account --json "$IMG" -- sh -c \
			"python3 '$T/program.py' \"\$MNT\" $((seed + i)) $how '$T/a' '$T/want'" >"$T/out" ||
			fail "the program failed"
		got=$(jq -c '.account.memories[] | select(.id == 3) |
			{read: [.read_pages, .read_pages_all], dirtied: [.dirtied_pages, .dirtied_pages_all]}' "$T/out")
		want=$(jq -c . "$T/want")
		if [ "$(jq .account.cached "$T/out")" = true ]; then
			got=$(jq -c '[.read[0], .dirtied[0]]' <<<"$got")
			want=$(jq -c '[.read[0], .dirtied[0]]' <<<"$want")
		fi
		is "$want" "$got" "round $i, $how"
	done
done
is 3 "$(jq -c '.account.memories[].id' "$T/out")" "the memories that were touched"

# One who reads and writes in turn, and one who does not.
"$CANISTERFS" run --account --json "$IMG" -- sh -c 'dd if=$MNT/3 of=/dev/null bs=4096 status=none
	dd if=/dev/zero of=$MNT/4 bs=65536 count=10 conv=notrunc status=none' >"$T/out"
is '[[3,"in turn",0],[4,0,160]]' "$(jq -c '[.account.memories[] |
	[.id, (if .read_sequential_percent >= 99 then "in turn" else .read_pages end), .dirtied_pages]]' "$T/out")"
is '[2147483648,8589934592,655360]' "$(jq -c '.account | [.message_bytes, .upgrade_bytes, .dirtied_bytes]' "$T/out")"

# The text tells it against the limits.
"$CANISTERFS" run --account "$IMG" -- sh -c 'cat $MNT/3 >/dev/null' >"$T/out"
grep -q '^  read     3.9 MiB, 0.19 % of the 2 GiB of a message and 0.05 % of the 8 GiB of an upgrade$' "$T/out" ||
	fail "said: $(cat "$T/out")"

# On a mount; a replaced memory counts as what differs, and a verb's load, too.
start -o account
cat "$MNT/3" >"$MNT/new"
mv "$MNT/new" "$MNT/4"
is '[[3,992,0]]' "$(jq -c '[.memories[] | [.id, .read.distinct, .dirtied.all]]' "$MNT/.canister/account.json")" \
	"what mv of equal content dirties: nothing"
printf x | dd of="$MNT/4" bs=1 seek=5 conv=notrunc status=none
printf x | dd of="$MNT/4" bs=1 seek=5 conv=notrunc status=none
is '[1,1]' "$(jq -c '.memories[] | select(.id == 4) | [.dirtied.distinct, .dirtied.all]' "$MNT/.canister/account.json")"
stop
start
[ ! -e "$MNT/.canister/account.json" ] || fail "nobody asked for it"
stop
