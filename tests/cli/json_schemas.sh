#!/bin/bash
# SPDX-License-Identifier: MIT
# Every document and line of JSON that the verbs print is what docs/schema/ says, for images of all
# kinds; and each verb with --json has a schema.
. "$(dirname "$0")/lib.sh"

clean_up() { ! mountpoint -q mnt 2>/dev/null || "$program" umount mnt; }
python3 -c 'import jsonschema' 2>/dev/null || skip "there is no python3-jsonschema"
schemas=$here/../../docs/schema
: >told

# tells SCHEMA STATUS ARGUMENT...: runs canisterfs and keeps each document that it printed.
tells() {
    local schema=$1 status=$2
    shift 2
    run "$status" "$@"
    jq -c . out >documents || fail "canisterfs $*: no JSON: $(cat out)"
    [ -s documents ] || fail "canisterfs $*: printed nothing"
    sed "s/^/$schema\t/" documents >>told
}

for path in "$data"/*.img.gz; do
    golden "$(basename "$path" .img.gz)"
done
: >empty
cat >names.toml <<'END'
bucket_pages = 77
0 = { name = "config", kind = "btreemap" }
1 = { name = "numbers", kind = "vec", max_value = 9, state = "deprecated" }
5 = { name = "journal", state = "removed" }
END
if "$program" version --json | jq -e .names >/dev/null; then
    tells info 0 info --json --names names.toml h_structs.img
    tells schema 1 schema --json --names names.toml h_structs.img
else
    # A build without names files has no gate; so much of its schema is held here.
    printf 'schema\t{"schema": 1, "fits": true, "findings": []}\n' >>told
fi
for image in *.img empty; do
    tells info 0 info --json "$image"
done
for image in *.img; do
    for id in $("$program" info --json "$image" | jq '.memories[]?.id'); do
        # A memory that holds nothing known has no facts.
        ! "$program" info --json "$image" "$id" >out 2>err || sed "s/^/info-memory\t/" <(jq -c . out) >>told
    done
done
tells map 0 map --json c_interleaved.img
tells map 0 map --json m_hole_mid.img
tells map 0 map --json k_waste.img 0

tells check 0 check --json c_interleaved.img
tells check 4 check --json m_hole_mid.img
cp m_hole_mid.img hole.img
tells check 1 check --json --repair hole.img
tells find 0 find --json --text SQLite l_sqlite.img
tells find 0 find --json --text nowhere l_sqlite.img
tells create 0 create --json --bucket-pages 4 new.img
cp e_btree_u64.img load.img
"$program" dump --key u64 --limit 3 load.img 0 >few.jsonl
jq -c '.value = "0000000000000000"' few.jsonl >changed.jsonl
tells load 0 load --json --merge --key u64 load.img 0 few.jsonl
tells load 0 load --json --merge --key u64 load.img 0 changed.jsonl
tells diff-line 1 diff --records --key u64 e_btree_u64.img load.img
tells load 0 load --json --delete --key u64 load.img 0 few.jsonl
tells diff-line 1 diff --records --key u64 e_btree_u64.img load.img
tells diff-line 1 diff --records --key u64 load.img e_btree_u64.img
tells dump-line 0 dump --key u64 e_btree_u64.img 0
tells dump-line 0 dump h_structs.img 1
tells dump-line 0 dump h_structs.img 0
tells adopt 0 adopt --json --bucket-pages 2 --memory 7 j_raw_cbor.img adopted.img
tells extract 0 extract --json adopted.img 7 extracted.img

tells checkpoint 0 checkpoint --json c_interleaved.img c.qcow2
cp c_interleaved.img c2.img
echo other | "$program" put c2.img 1
tells checkpoint 0 checkpoint --json --base c.qcow2 c2.img c2.qcow2
tells info 0 info --json c.qcow2
tells info 0 info --json c2.qcow2
tells restore 0 restore --json c2.qcow2 restored.img
tells verify 0 verify --json c2.qcow2
cp c.qcow2 torn.qcow2
printf damage | dd of=torn.qcow2 bs=1 seek=$(($(stat -c %s torn.qcow2) / 2)) conv=notrunc status=none
tells verify 4 verify --json torn.qcow2
tells compare 0 compare --json c_interleaved.img c.qcow2
tells compare 1 compare --json --pages c_interleaved.img c2.img
tells compare 1 compare --json c_interleaved.img d_ragged.img
tells compare 1 compare --json g_raw_btree.img j_raw_cbor.img

tells advise 0 advise --json k_waste.img
tells advise 0 advise --json c_interleaved.img
tells rebucket 0 rebucket --json --bucket-pages 4 c_interleaved.img rebucketed.img
tells compact 0 compact --json --dry-run m_hole_tail.img
tells compact 0 compact --json m_hole_tail.img
tells compact 0 compact --json k_waste.img compacted.img
mkdir fleet
cp k_waste.img g_raw_btree.img c.qcow2 torn.qcow2 fleet/
head -c 100 a_empty.img >fleet/short
echo text >fleet/notes
ln fleet/c.qcow2 fleet/z
tells waste 1 waste --json fleet nowhere
run 0 checkout c_interleaved.img out-of-it
echo more >>out-of-it/1
echo new >out-of-it/9
rm out-of-it/0
tells status 0 status --json out-of-it
tells version 0 version --json
cp c_interleaved.img kept.img
run 0 snapshot create kept.img before
echo other | "$program" put kept.img 1
tells snapshot-list 0 snapshot list --json kept.img
tells snapshot-diff 0 snapshot diff --json kept.img before
if [ -e /dev/fuse ] && "$program" version --json | jq -e .mount >/dev/null; then
    tells run 0 run --json c_interleaved.img --twice --check true -- sh -c 'echo x >"$MNT/9"'
    tells run 1 run --json c_interleaved.img -- false
    # A checkpoint with what lay beside the image.
    mkdir mnt
    "$program" mount kept.img mnt
    echo hello >mnt/9
    echo hello >mnt/note
    "$program" umount mnt
    run 0 checkpoint kept.img kept.qcow2
    tells info 0 info --json kept.qcow2
    tells verify 0 verify --json kept.qcow2
else
    printf 'run\t{"schema": 1, "passed": true}\n' >>told
fi

# Every verb with --json is held against a schema that is named like the verb.
for verb in $("$program" --complete '' | grep -vx -e help -e '-.*'); do
    "$program" --complete "$verb" -- | grep -qx -- --json || continue
    grep -Eq "^$verb(-[a-z]+)?	" told || fail "nothing of $verb was held against a schema"
done
python3 "$here/json_schemas.py" "$schemas" told
