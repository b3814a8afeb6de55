#!/bin/bash
# SPDX-License-Identifier: MIT
# waste: the sums over many images of every form are what a second computation gives; what cannot be
# read is told and left out; lines of many machines become one sum.
. "$(dirname "$0")/lib.sh"

# The same things of a summary as make_fleet.py says.
told='.summary | {managed, memories, image_bytes, data_bytes, waste_bytes, slack_bytes, hole_bytes,
    tail_bytes, histogram, worst, sizes: [.sizes[] | [.bucket_pages, .image_bytes, .images_too_large]],
    best: .best.image_bytes}'

# Ten thousand images, by one thread and by many, in memory that does not follow their number. The
# address sanitizer keeps what is freed, so that this cannot be seen, and a thousand are enough.
images=10000 sanitized=
[[ $(ldd "$program") != *libasan* ]] || images=1000 sanitized=yes
mkdir fleet few
python3 "$here/make_fleet.py" fleet $images 1 >want.json
python3 "$here/make_fleet.py" few 100 2 >want-few.json
for jobs in 1 8; do
    run 0 waste --json --jobs $jobs fleet
    [ "$(wc -l <out)" = $((images + 1)) ] || fail "$(wc -l <out) lines"
    tail -n 1 out | jq -cS "$told" >got.json
    jq -cS . want.json | same got.json /dev/stdin
    cp out lines-$jobs
done
# The order of the lines does not depend on who was first.
same lines-1 lines-8
run 0 waste --summary --json few
[ "$(wc -l <out)" = 1 ] || fail "--summary printed $(wc -l <out) lines"
jq -cS "$told" out >got.json
jq -cS . want-few.json | same got.json /dev/stdin
rss() {
    python3 - "$program" waste --json "$1" <<'EOF'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
EOF
}
if [ ! "$sanitized" ]; then
    few=$(rss few)
    many=$(rss fleet)
    [ "$many" -lt $((few + 8192)) ] || fail "100 images take $few KiB of memory, 10,000 take $many"
fi

# Every form an image can have says the same.
golden k_waste c_interleaved n_stale_reinit
mkdir -p forms/snap
cp k_waste.img forms/snap/stable_memory.bin
printf '{"wasm_module_size": 0, "wasm_memory_size": 0, "stable_memory_size": %s}' \
    "$(stat -c %s k_waste.img)" >forms/snap/metadata.json
cp "$data/k_waste.img.gz" forms
cp k_waste.img forms
"$program" --complete '' | grep -qx checkpoint && run 0 checkpoint k_waste.img forms/k_waste.ckpt
run 0 waste --json forms
head -n -1 out | jq -c 'del(.path)' | sort -u >kinds
[ "$(wc -l <kinds)" = 1 ] || fail "forms of one image differ: $(cat kinds)"
[ "$(head -n -1 out | wc -l)" = "$(ls forms | wc -l)" ] || fail "$(cat out)"
run 0 waste --json k_waste.img n_stale_reinit.img
head -n 1 out >one
jq -e '.waste_bytes == 166264832 and .data_bytes == 1507328 and .bucket_pages == 128 and
    .best_bucket_pages == 1 and .best_image_bytes == 1572864' one >/dev/null || fail "$(cat one)"

# In words.
run 0 waste k_waste.img c_interleaved.img
head -n 3 out >first
same first /dev/stdin <<'EOF'
     image       data      waste  share   pages  path
  12.1 MiB    9.4 MiB    2.6 MiB    21%      16  c_interleaved.img
 160.1 MiB    1.4 MiB  158.6 MiB    99%     128  k_waste.img
EOF
grep -q '^2 managed images with 25 memories: 172.1 MiB, 673.22 G cycles a year$' out || fail "$(cat out)"
grep -q "^      1     11 MiB  -161.1 MiB  -630.19 G cycles\$" out || fail "$(cat out)"
sed -n '/^Memories by id/,/^$/p' out | head -n 4 >memories
same memories /dev/stdin <<'END'
Memories by id
    id    images       data      slack  share
     0         2    2.6 MiB    8.4 MiB    77%
     1         2    1.1 MiB    7.9 MiB    88%
END
run 0 waste --rate 317500 -s k_waste.img
grep -q '1.57 T cycles a year' out || fail "$(cat out)"
# One image, one memory, nothing to gain.
"$program" create --bucket-pages 1 one.img >/dev/null
head -c 65536 /dev/urandom | "$program" put one.img 3
run 0 waste one.img
grep -q '^1 managed image with 1 memory: 128 KiB, ' out || fail "$(cat out)"
grep -q '^      1    128 KiB         0 B          0 cycles$' out || fail "$(cat out)"
! grep -q -e '-0 ' -e '+0 ' out || fail "$(cat out)"

# What storage costs: on a larger subnet, with snapshots, on a cloud engine.
run 0 waste --json -s --nodes 34 k_waste.img
json '.summary | [.rate, .snapshots, .cycles_per_year]' "[332153,0,1637323237151]"
run 0 waste --json -s --nodes 13 --snapshots 3 k_waste.img
json '.summary | [.rate, .snapshots, .cycles_per_year]' "[127000,3,2504147800781]"
run 0 waste --snapshots 1 k_waste.img
grep -q '^with 1 snapshot of each, which are billed like memory$' out || fail "$(cat out)"
run 0 waste --cloud-engine k_waste.img
grep -q '^storage is free at this price$' out || fail "$(cat out)"
grep -q '^      1    1.5 MiB  -158.6 MiB          0 cycles$' out || fail "$(cat out)"
for words in "--rate 1 --nodes 13" "--cloud-engine --nodes 13" "--cloud-engine --rate 1"; do
    # shellcheck disable=SC2086
    run 2 waste $words k_waste.img
done

# What is cut, damaged, foreign or unreadable is told, each by its kind, and the rest is counted.
mkdir mixed
cp k_waste.img mixed/good.img
head -c 100000 /dev/urandom >mixed/notes.txt
head -c 65536 /dev/urandom >mixed/raw.img
head -c 1000 "$data/k_waste.img.gz" >mixed/cut.img.gz
cp k_waste.img mixed/damaged.img
printf '\0\0' | dd of=mixed/damaged.img bs=1 seek=6 conv=notrunc status=none
cp mixed/damaged.img mixed/good.img.undo
mkdir mixed/good.img.snap mixed/good.img.scratch
cp k_waste.img mixed/good.img.snap/before.qcow2
cp k_waste.img mixed/good.img.scratch/copy
run 1 waste --json mixed nowhere
json 'select(.summary) | .summary | [.managed, .raw, .other_files, .cut, .damaged, .unreadable]' '[1,1,1,1,1,1]'
[ "$(grep -c '^canisterfs: ' err)" = 4 ] || fail "$(cat err)"
grep -q '^canisterfs: mixed/cut.img.gz: cut: packed, and ends behind ' err || fail "$(cat err)"
grep -q '^canisterfs: mixed/damaged.img: damaged: the bucket size is 0 pages' err || fail "$(cat err)"
grep -q '^canisterfs: mixed/notes.txt: foreign: has 100,000 bytes, and ' err || fail "$(cat err)"
grep -q '^canisterfs: nowhere: ' err || fail "$(cat err)"
[ "$(grep -c '"error":' out)" = 4 ] || fail "$(cat out)"
run 0 waste --json -s mixed/notes.txt
json '.summary.raw' 1

# Merging: two halves make the whole, whatever sums stand between.
"$program" waste --json fleet/0? fleet/1? >half-1
"$program" waste --json fleet/[2-4]? >half-2
run 0 waste --merge --json --summary half-1 half-2
jq -cS "$told" out >got.json
jq -cS . want.json | same got.json /dev/stdin
cat half-2 half-1 | "$program" waste --merge --json --summary - >got
same got out
"$program" waste --json mixed nowhere >half-3 2>/dev/null || true
run 1 waste --merge --json --summary half-3
json '.summary | [.managed, .raw, .other_files, .cut, .damaged, .unreadable]' '[1,1,1,1,1,1]'
{
    echo '{"schema":1,"path":"x"}'
    echo '{"schema":2}'
    echo 'no json'
    head -n 1 half-1
    head -n 1 half-1 | sed 's/"slack_bytes":[0-9]*/"slack_bytes":-1/'
    head -n 1 half-1 | sed 's/"image_bytes":[0-9]*/"image_bytes":9223372036854775807/'
} >bad
run 1 waste --merge --json --summary bad
json .summary.managed 1
[ "$(grep -c '^canisterfs: bad: line [0-9]: ' err)" = 5 ] || fail "$(cat err)"

# The page stands alone, and shows any path as what it is.
mkdir 'mixed/<b>&"'
cp k_waste.img 'mixed/<b>&"/'$'\xff\x01.img'
run 1 waste mixed
[ "$(grep -acF '<b>&"/\xff\x01.img' out)" = 2 ] || fail "an order to the terminal: $(cat -v out)"
run 1 waste --summary --html page.html mixed nowhere
python3 "$here/html_page.py" page.html 'Stable memory: what these images waste' \
    'Under mixed, nowhere.' '4 files left out of all sums' '90–100 % 2' 'cut mixed/cut.img.gz packed, and ends' \
    'damaged mixed/damaged.img the bucket size is 0 pages' 'unreadable nowhere cannot open' \
    'foreign mixed/notes.txt has 100,000 bytes' "canisterfs waste $("$program" --version | cut -d' ' -f2) on 20" \
    'mixed/<b>&"/��.img'
SOURCE_DATE_EPOCH=1700000000 run 0 waste --summary --html dated.html k_waste.img
python3 "$here/html_page.py" dated.html 'on 2023-11-14 at 22:13 UTC.'
run 1 waste --summary --html page.html few
grep -q 'page.html: exists already' err || fail "$(cat err)"
run 0 waste --summary --force --html page.html few
run 2 waste --force few
run 2 waste
