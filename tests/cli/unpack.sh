#!/bin/bash
# SPDX-License-Identifier: MIT
# Images that are packed by gzip or zstd, and standard input: what they are is told by their first
# bytes, they can be read alone, and what is damaged or too large is refused.
. "$(dirname "$0")/lib.sh"
mkdir tmp
export TMPDIR=$work/tmp

golden c_interleaved b_one_small
gzip -9n <c_interleaved.img >packed.bin

# Never packed as raw bytes.
run 0 checkpoint --json c_interleaved.img want.ckpt
content=$(jq .content_hash out)
run 0 checkpoint --json packed.bin packed.ckpt
json .content_hash "$content"
same want.ckpt packed.ckpt
run 0 checkpoint --json - stdin.ckpt <packed.bin
json .content_hash "$content"
run 0 rebucket -b 1 packed.bin small.img
run 0 compare small.img packed.bin
run 0 adopt --json -m 0 -b 16 "$data/j_raw_cbor.img.gz" adopted.img
golden j_raw_cbor
run 0 adopt --json -m 0 -b 16 j_raw_cbor.img want.img
same want.img adopted.img

# Back again.
run 0 restore packed.bin back.img
same c_interleaved.img back.img
run 0 restore - again.img <packed.bin
same c_interleaved.img again.img
run 0 restore want.ckpt -
same c_interleaved.img out
"$program" restore want.ckpt - | gzip -9n >round.bin.gz
same packed.bin round.bin.gz
gzip <want.ckpt >want.ckpt.gz
run 0 restore want.ckpt.gz -
same c_interleaved.img out
run 0 verify want.ckpt.gz
refused 2 "restore: --json has no place where the image is written to standard output (see 'canisterfs restore --help')" \
    restore --json want.ckpt -
head -c $(($(stat -c %s want.ckpt) - 100000)) want.ckpt >cut.ckpt
run 1 restore cut.ckpt -
out_is ""

# Verbs that write leave the file alone.
cp packed.bin was
for words in "put packed.bin 0 c_interleaved.img" "compact packed.bin" "check --repair packed.bin"; do
    run "$([ "${words%% *}" = check ] && echo 8 || echo 1)" $words
    err_is "canisterfs: packed.bin: packed by gzip or zstd, and can be read only; 'canisterfs restore' unpacks it"
    same was packed.bin
done
refused 1 "-: standard input cannot be written to" compact - <b_one_small.img
refused 2 "-: standard input was read already" compare - - < <(cat b_one_small.img)
run 0 compare - - <b_one_small.img

# "-" is standard input, and a file of that name "./-".
cp b_one_small.img ./-
run 0 info --json ./-
json .pages 4
run 0 info --json - < <(cat c_interleaved.img)
json .pages "$(($(stat -c %s c_interleaved.img) / 65536))"
run 0 info --json - </dev/null
json .kind '"empty"'

# Several pieces, one behind the other, are one image.
{ head -c 100000 c_interleaved.img | gzip; tail -c +100001 c_interleaved.img | gzip; } >pieces.gz
run 0 compare --strict c_interleaved.img pieces.gz

# Damage.
head -c 40000 packed.bin >cut.gz
run 1 info cut.gz
grep -Eq '^canisterfs: cut.gz: cut off behind [0-9]+ unpacked bytes$' err || fail "$(cat err)"
cp packed.bin flipped.gz
printf '\377\377\377\377' | dd of=flipped.gz bs=1 seek=$(($(stat -c %s packed.bin) - 8)) conv=notrunc status=none
run 1 info flipped.gz
grep -q 'flipped.gz: damaged behind .* incorrect data check' err || fail "$(cat err)"
{ cat packed.bin; echo rest; } >rest.gz
run 1 info rest.gz
grep -q 'rest.gz: damaged behind .*: something else follows' err || fail "$(cat err)"

# A bomb, and what is no image at all.
truncate -s 300M zeros
gzip -1 <zeros >bomb.gz
CANISTERFS_UNPACK_MAX=200M run 1 info bomb.gz
err_is "canisterfs: bomb.gz: longer than 200 MiB when it is unpacked: CANISTERFS_UNPACK_MAX in the environment sets another bound"
run 0 info --json bomb.gz
json .content '"zeros"'
CANISTERFS_UNPACK_MAX=x run 1 info bomb.gz
grep -q "CANISTERFS_UNPACK_MAX: 'x' is not a size" err || fail "$(cat err)"
CANISTERFS_UNPACK_MAX=100K run 1 info - < <(cat c_interleaved.img)
grep -q 'canisterfs: -: longer than 100 KiB' err || fail "$(cat err)"

# In the sandbox no file can be made: the image is unpacked into memory.
run 0 info --json packed.bin
cp out want
ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 run 0 --sandbox info --json packed.bin
same want out

if command -v zstd >/dev/null && "$program" version | grep -q libzstd; then
    zstd -q c_interleaved.img -o packed.zst
    run 0 compare --strict c_interleaved.img packed.zst
    head -c 40000 packed.zst >cut.zst
    run 1 info cut.zst
    grep -Eq '^canisterfs: cut.zst: cut off behind [0-9]+ unpacked bytes$' err || fail "$(cat err)"
    # A window of 2 GiB would take as much memory.
    zstd -q --long=31 --stream-size=$((3 << 30)) <c_interleaved.img >wide.zst
    run 1 info wide.zst
    grep -q 'wide.zst: damaged behind 0 unpacked bytes: .*memory' err || fail "$(cat err)"
else
    echo "skipped: zstd: there is no zstd, or this build has no libzstd"
fi
[ -z "$(ls tmp)" ] || fail "left behind: $(ls tmp)"
