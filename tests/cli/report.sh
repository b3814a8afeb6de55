#!/bin/bash
# SPDX-License-Identifier: MIT
# report: the page of every golden image is sound and tells the facts of its manifest; what changed
# between images is what a second computation finds; no name becomes more than text; the page of
# the largest image is small.
. "$(dirname "$0")/lib.sh"

# The facts are compared as Python tells sizes, by itself.
facts=$work/facts.py
cat >"$facts" <<'END'
import json, sys

def size(n):
    units = ["B", "KiB", "MiB", "GiB"]
    i = 0
    while i + 1 < len(units) and n >> (10 * i) >= 1024:
        i += 1
    one = 1 << (10 * i)
    return f"{n // one} {units[i]}" if n % one == 0 else f"{n / one:.1f} {units[i]}"

m = json.load(open(sys.argv[1]))
print(size(m["image_size"]) + " in all")
bucket = m.get("bucket_size_pages")
for memory in m["memories"]:
    slack = (len(memory["buckets"]) * bucket - memory["pages"]) * 65536
    print(f"{memory['id']} {size(memory['pages'] * 65536)} {len(memory['buckets'])} {size(slack)}")
for s in m.get("structures") or []:
    if s["type"].startswith("btree"):
        print(("the image" if s["mem"] is None else f"memory {s['mem']}") + " btree")
if m["manager"]:
    for b, id in sorted((b, memory["id"]) for memory in m["memories"] for b in memory["buckets"])[:1]:
        print(f"bucket {b}: memory {id}, ")
    data = sum(memory["pages"] for memory in m["memories"]) * 65536
    print(f"{size(data)} data" if data else "0 B data")
else:
    print("a raw image: it has no manager")
END
for manifest in "$data"/*.json; do
    name=$(basename "$manifest" .json)
    golden "$name"
    run 0 report --output "$name.html" "$name.img"
    out_is ""
    python3 "$facts" "$manifest" >texts
    mapfile -t texts <texts
    python3 "$here/html_page.py" "$name.html" "$name.img" "${texts[@]}"
    [ "$(sha256sum <"$name.img")" = "$(jq -r .image_sha256 "$manifest")  -" ] || fail "$name was changed"
done
python3 "$here/html_page.py" m_hole_mid.html 'owned by nobody' 'bucket-hole' 'nobody'"'"'s buckets'
python3 "$here/html_page.py" k_waste.html 'best 1' 'now 128' '99 % waste: 158.6 MiB' \
    'buckets of 128 pages: the image is 160.1 MiB, of it 158.6 MiB slack; cap 256 GiB'
python3 "$here/html_page.py" e_btree_u64.html 'memory 0 btree 10,000' '156.2 KiB 436.3 KiB 67 % 12 168 0'

# What is no managed image, or a broken one, has a page as well.
: >empty
cp c_interleaved.img broken
printf '\0\0' | dd of=broken bs=1 seek=6 conv=notrunc status=none
head -c 1000000 c_interleaved.img >cut.img
run 0 report -o empty.html empty
python3 "$here/html_page.py" empty.html 'an empty image'
run 0 report -o broken.html broken
python3 "$here/html_page.py" broken.html 'the bucket size is 0 pages' 'bucket-size-zero'
run 0 report -o cut.html cut.img
python3 "$here/html_page.py" cut.html 'has 1,000,000 bytes, and its buckets end at 12,648,448' 'memory-past-image'

# No name becomes more than text, whoever gave it.
evil=$'<script>alert(1)<b>&"\'\xff\x01\xe2\x80\xae]]>'
cp h_structs.img "$evil.img"
run 0 report -o evil.html "$evil.img"
python3 "$here/html_page.py" evil.html "<script>alert(1)<b>&\"'"$'\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd'"]]>.img"
if "$program" version --json | jq -e .names >/dev/null; then
    printf '3 = { name = "<b>]]><script>x" }\n7 = { name = "a&b\\u0022 onload=x" }\n' >names.toml
    run 0 report --names names.toml -o named.html h_structs.img
    python3 "$here/html_page.py" named.html 'memory 3 (<b>]]><script>x)' 'memory 7 (a&b" onload=x)'
fi

# Several in time: as many pages of 4 KiB changed, in each memory and step, as the bytes say.
choose_seed
cp c_interleaved.img t0
for step in 1 2 3; do
    cp t$((step - 1)) "t$step"
    for id in 0 2 4; do
        "$program" cat "t$step" $id >memory
        python3 - memory "$seed$step$id" <<'END'
import random, sys
rng = random.Random(int(sys.argv[2]))
content = bytearray(open(sys.argv[1], "rb").read())
for _ in range(rng.randrange(9)):
    content[rng.randrange(len(content))] ^= 1 + rng.randrange(255)
if rng.random() < 0.3:
    content += bytes(rng.randrange(256) for _ in range(rng.randrange(1, 70000)))
open(sys.argv[1], "wb").write(content)
END
        "$program" put "t$step" $id memory
    done
done
run 0 checkpoint t1 t1.ckpt
run 0 rebucket -b 4 t2 t2.other
times=(t0 t1.ckpt t2.other t3)
run 0 report -o times.html "${times[@]}"
for image in "${times[@]}"; do
    for id in 0 1 2 3 4; do
        "$program" cat "$image" $id >"m.$image.$id"
    done
done
python3 - "${times[@]}" >texts <<'END'
import itertools, os, sys

def units(path):
    content = open(path, "rb").read()
    return [content[i:i + 4096] for i in range(0, len(content), 4096)]

steps = list(zip(sys.argv[1:], sys.argv[2:]))
for step, (a, b) in enumerate(steps):
    all_changed = memories = 0
    for id in range(5):
        pairs = itertools.zip_longest(units(f"m.{a}.{id}"), units(f"m.{b}.{id}"), fillvalue=bytes(4096))
        changed = sum(x != y for x, y in pairs)
        all_changed += changed
        memories += changed > 0
        open(f"changed.{id}", "a").write(f"{changed} ")
    print(f"{step + 2} {b} {all_changed:,} {'0 B' if not all_changed else ''}")
for id in range(5):
    counts = [int(n) for n in open(f"changed.{id}").read().split()]
    most = max(os.path.getsize(f"m.{image}.{id}") for image in sys.argv[1:]) // 4096
    if sum(counts):
        print(f"memory {id} {most:,} {' '.join(map(str, counts))} {sum(counts)}")
        print(f"memory {id} {sum(counts)} change{'' if sum(counts) == 1 else 's'} in {most:,} pages of 4 KiB")
print("Never changed: memory 1, memory 3.")
END
mapfile -t texts <texts
python3 "$here/html_page.py" times.html t3 "${texts[@]}"
# Raw images are compared as they are; two kinds are not.
cp g_raw_btree.img raw
printf X | dd of=raw bs=1 seek=5000 conv=notrunc status=none
run 0 report -o raws.html g_raw_btree.img raw
python3 "$here/html_page.py" raws.html 'the image 1 change in 16 pages of 4 KiB'
run 0 report -o mixed.html raw c_interleaved.img
python3 "$here/html_page.py" mixed.html 'not of the kind of the one before'

# The largest image that there can be, with a bucket for each place in the table, twice.
python3 - <<'END'
import random, struct
rng = random.Random(1)
owners = [rng.randrange(255) for _ in range(32768)]
sizes = [owners.count(m) * 244 for m in range(255)]
for name in "big", "later":
    with open(name, "wb") as f:
        f.write(b"MGR\1" + struct.pack("<HH32x255Q", 32768, 244, *sizes) + bytes(owners))
        f.truncate(65536 * (1 + 32768 * 244))
        for _ in range(2000):
            f.seek(65536 * rng.randrange(1, 32768 * 244))
            f.write(b"x")
END
if [ "$(stat -c %s later)" = $((65536 * (1 + 32768 * 244))) ]; then
    run 0 report -o big.html big later
    python3 "$here/html_page.py" big.html '488.0 GiB in all' 'and 239 more' 'mostly memory'
    [ "$(stat -c %s big.html)" -lt 3000000 ] || fail "a page of $(stat -c %s big.html) bytes"
fi

# To standard output, the same; also where no file may be made.
export SOURCE_DATE_EPOCH=1700000000
run 0 report -o dated.html h_structs.img
run 0 report -o - h_structs.img
same out dated.html
if ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 "$program" --sandbox report -o - h_structs.img >boxed 2>err; then
    same boxed dated.html
else
    grep -q 'no sandbox' err || fail "$(cat err)"
fi
python3 "$here/html_page.py" dated.html "Made by canisterfs report $("$program" --version | cut -d' ' -f2) on 2023-11-14 at 22:13 UTC."
run 0 report --shallow -o shallow.html h_structs.img
python3 "$here/html_page.py" shallow.html 'What is inside of the memories was not looked at.'
grep -q 'Structures' shallow.html && fail "--shallow has looked into the memories"

refused 1 'dated.html: exists already' report -o dated.html c_interleaved.img
run 0 report --force -o dated.html c_interleaved.img
run 1 report --force -o h_structs.img h_structs.img
cmp -s h_structs.img "$evil.img" || fail "the image was replaced by its page"
refused 1 'nowhere: cannot open: No such file or directory' report -o x.html nowhere
[ ! -e x.html ] || fail "a page of nothing"
run 2 report h_structs.img
run 2 report -o x.html
