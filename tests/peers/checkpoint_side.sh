#!/bin/bash
# SPDX-License-Identifier: MIT
# What lies beside an image goes into its checkpoint, which qemu-img reads as it reads any other.
. "$(dirname "$0")/lib.sh"
requires qemu-img

golden c_interleaved
cp c_interleaved.img a.img
mkdir beside none
head -c 70000 /dev/urandom >beside/3-journal
printf 'sparse' | dd of=beside/notes.txt bs=1 seek=20000000 conv=notrunc status=none
printf '%4096s' '' | tr ' ' '\001' >beside/9-wal

"$PACK_WITH" a.img beside with.qcow2
run 0 checkpoint a.img without.qcow2
holds with.qcow2 a.img
qemu-img convert -f qcow2 -O raw with.qcow2 raw
same raw a.img
# What takes no space beside the image takes none in the file.
[ "$(stat -c %s with.qcow2)" -lt $(($(stat -c %s without.qcow2) + 80000)) ] || fail "$(ls -l)"

# The content hash is the image's.
"$program" info --json without.qcow2 | jq -r .stored.content_hash >want
"$program" info --json with.qcow2 | jq -r .stored.content_hash >is
same is want

for verb in info verify; do
    run 0 "$verb" --json with.qcow2
    json '[.side_files[] | "\(.name) \(.bytes)"]' \
        '["3-journal 70000","9-wal 4096","notes.txt 20000006"]'
    json '.exact_lengths' '[{"memory":9,"bytes":1234}]'
    run 0 "$verb" with.qcow2
    grep -q '^  beside    3-journal, ' out || fail "$(cat out)"
    grep -q '^            memory 9 has 1,234 bytes$' out || fail "$(cat out)"
    grep -q 'is not whole without the scratch files 3-journal, 9-wal$' out || fail "$(cat out)"
    run 0 "$verb" --json without.qcow2
    json .side_files '[]'
    run 0 "$verb" without.qcow2
    ! grep -q beside out || fail "$(cat out)"
done

# A name is no line of its own, and no order to the terminal.
printf x >"beside/$(printf 'a\nb\033[2J')"
"$PACK_WITH" a.img beside odd.qcow2
run 0 info odd.qcow2
grep -q 'a\\x0ab\\x1b\[2J, 1 B$' out || fail "$(cat out)"
rm beside/a*

# A delta on it, and it on a delta.
printf '\001' | dd of=a.img bs=1 seek=70000 conv=notrunc status=none
run 0 checkpoint --base with.qcow2 a.img delta.qcow2
holds delta.qcow2 a.img
run 0 verify --json delta.qcow2
json .side_files '[]'
"$PACK_WITH" a.img beside delta2.qcow2 delta.qcow2
holds delta2.qcow2 a.img
run 0 verify --json delta2.qcow2
json '.side_files | length' 3

# Damage is told of the file that has it, and the image can be restored all the same.
size=$(stat -c %s with.qcow2)
cp with.qcow2 bad.qcow2
printf 'damage' | dd of=bad.qcow2 bs=1 seek=$((size - 4000)) conv=notrunc status=none
run 4 verify bad.qcow2
grep -q '^error *side *the bytes of 3-journal at ' out || fail "$(cat out)"
cp with.qcow2 bad.qcow2
printf 'damage' | dd of=bad.qcow2 bs=1 seek=$((size - 90)) conv=notrunc status=none
run 4 verify --json bad.qcow2
json '[.findings[].id]' '["side"]'
json .side_files null
run 1 info --json bad.qcow2
json .side_files null
json .kind '"managed"'

# qemu may write over what it does not count. What then is no longer there is told.
cp with.qcow2 changed.qcow2
if command -v qemu-io >/dev/null; then
    qemu-io -f qcow2 -c 'write -P 5 0 256k' changed.qcow2 >qemu 2>&1 || fail "$(cat qemu)"
    run 4 verify changed.qcow2
    grep -q '^error *side ' out || fail "$(cat out)"
fi
