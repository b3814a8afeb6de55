#!/bin/bash
# SPDX-License-Identifier: MIT
# adopt and extract: a raw dump becomes a memory, and a memory a raw dump.
. "$(dirname "$0")/lib.sh"

golden j_raw_cbor g_raw_btree c_interleaved i_upgrade
cp j_raw_cbor.img raw.img
payload=283755

# The migration of a canister that saved bare CBOR: a page a bucket, the length before it.
run 0 adopt --memory 0 --bucket-pages 1 --length-prefix raw.img new.img
out_is "new.img: memory 0 holds what raw.img held: CBOR item of $payload bytes, and its length before it
  size      384 KiB; with the usual buckets of 128 pages 8.1 MiB
  waste     32 KiB a memory on average; the least that one takes is 64 KiB
  cap       2 GiB for all memories together (32,768 buckets)"
run 0 check new.img
"$program" cat -l 4 new.img 0 | od -An -tu4 >length
[ "$(tr -d ' ' <length)" = $payload ] || fail "the length is $(cat length)"
"$program" cat -o 4 -l $payload new.img 0 >got
head -c $payload raw.img >want
same want got
run 0 info --json new.img
json '[.memories[] | .id, .pages]' '[0,5]'
# And back: the very same image, given its pages; the very same payload.
run 0 extract --length-prefix --pages 6 new.img 0 back.img
same raw.img back.img
run 0 extract --length-prefix --exact new.img 0 back.cbor
same want back.cbor

# The same without a length, at every bucket size, for every kind of dump.
printf 'DIDL\0\1\161\2hi' >candid.img
truncate -s 128K candid.img
printf '\5\0\0\0\241aa\30\52' >prefixed.img
truncate -s 64K prefixed.img
head -c 70000 /dev/urandom >unknown.img
truncate -s 128K unknown.img
for case in "raw.img 6" "candid.img 2" "prefixed.img 1" "g_raw_btree.img 1"; do
    read -r dump pages <<<"$case"
    for bucket in 1 3 128; do
        run 0 adopt -m 17 -b $bucket "$dump" a.img --force
        run 0 extract --pages "$pages" a.img 17 b.img --force
        same "$dump" b.img
    done
done

# What was there before a shorter dump stays behind, and is said.
printf 'stale' | dd of=candid.img bs=1 seek=1000 conv=notrunc status=none
run 0 adopt --json -m 1 -b 1 candid.img a.img -f
json '[.content_bytes, .stale_bytes_left_out]' '[10,5]'
run 0 find --json -t stale a.img
json .count 0

# What nothing tells the end of.
refused 1 "unknown.img: nothing tells where its content ends (begins like nothing known); say it with --length" \
    adopt -m 1 -b 1 unknown.img x.img
run 0 adopt -m 1 -b 1 --length 70000 unknown.img a.img -f
run 0 extract --length 70000 --exact a.img 1 b.img -f
cmp -n 70000 unknown.img b.img || fail "not what was adopted"
truncate -s 64K zeros.img
refused 1 "zeros.img: there is nothing in it: only zeros: grown and never written, or cleared" \
    adopt -m 1 -b 1 zeros.img x.img
refused 1 "prefixed.img: it has its length before it already; leave --length-prefix out" \
    adopt -m 1 -b 1 -p prefixed.img x.img
run 1 adopt -m 1 -b 1 c_interleaved.img x.img
grep -q "a managed image already" err || fail "$(cat err)"
run 1 adopt -m 1 -b 1 -l 100 c_interleaved.img x.img
refused 1 "raw.img: --length is 393217, and it has 393216 bytes" adopt -m 1 -b 1 -l 393217 raw.img x.img
run 2 adopt -b 1 raw.img x.img
run 2 adopt -m 1 raw.img x.img
run 2 adopt -m 255 -b 1 raw.img x.img
run 1 extract c_interleaved.img 200 x.img
run 1 extract -p c_interleaved.img 0 x.img
run 1 extract --pages 1 new.img 0 x.img
[ ! -e x.img ] || fail "something was written"
sha256sum raw.img >sums
refused 1 "new.img: exists already" adopt -m 1 -b 1 raw.img new.img
sha256sum --quiet -c sums || fail "the dump was changed"

# A dump whose length begins with the manager's magic is no managed image, and is never written to.
python3 - <<'EOF'
import struct
n = 22169421 - 4
body = b'\x5a' + struct.pack('>I', n - 5)
open('unlucky.img', 'wb').write(struct.pack('<I', 22169421)[:4])
f = open('unlucky.img', 'wb')
f.write(struct.pack('<I', 22169421) + body + b'x' * (22169421 - len(body)))
f.truncate((4 + 22169421 + 65535) // 65536 * 65536)
EOF
[ "$(head -c 4 unlucky.img | od -An -tx1 | tr -d ' ')" = 4d475201 ] || fail "the dump is another"
sha256sum unlucky.img >sums
run 0 info --json unlucky.img
json .kind '"raw"'
for verb in "put unlucky.img 0 raw.img" "compact unlucky.img" "rebucket -b 1 unlucky.img x.img" \
    "check --repair unlucky.img"; do
    "$program" $verb >out 2>err && fail "$verb succeeded"
done
sha256sum --quiet -c sums || fail "a raw image was changed"
