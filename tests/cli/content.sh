#!/bin/bash
# SPDX-License-Identifier: MIT
# info names what memories and raw images hold, as far as their bytes prove it and no farther.
. "$(dirname "$0")/lib.sh"

# Every structure of every golden image.
count=0
for manifest in "$data"/*.json; do
    name=$(basename "$manifest" .json)
    want=$(jq -c '[.structures[] | select(.mem != null and .type != "log") |
        [.mem, if .type == "btreemap" or .type == "btreeset" then "btree" else .type end]] +
        [.structures[] | select(.type == "log") | [.index_mem, "log-index"], [.data_mem, "log-data"]] |
        sort' "$manifest")
    [ "$want" != '[]' ] || continue
    golden "$name"
    run 0 info --json "$name.img"
    ids=$(jq -c '[.[][0]]' <<<"$want")
    json "[.memories[] | select(.id as \$i | $ids | index(\$i)) | [.id, .content]] | sort" "$want"
    count=$((count + $(jq length <<<"$want")))
    rm "$name.img"
done
[ "$count" -ge 15 ] || fail "only $count structures were looked at"

# content IMAGE KIND TEXT: what info says of a raw image.
content() {
    run 0 info --json "$1"
    json '[.kind, .content]' "[\"raw\",\"$2\"]"
    case $(jq -r .content_text out) in
    *"$3"*) ;;
    *) fail "$1 holds: $(jq -r .content_text out)" ;;
    esac
}
golden j_raw_cbor g_raw_btree i_upgrade l_sqlite a_empty n_stale_reinit k_waste
content j_raw_cbor.img cbor "CBOR item of 283755 bytes"
content g_raw_btree.img btree "400 entries"
run 0 info --json i_upgrade.img
json '[.memories[].content]' '["cbor-prefixed","btree"]'
run 0 info --json l_sqlite.img
json '.memories[1].content' '"sqlite"'

python3 - <<'EOF'
import struct
PAGE = 65536

def image(name, data, pages=None):
    pages = pages or (len(data) + PAGE - 1) // PAGE
    open(name + '.img', 'wb').write(data + bytes(pages * PAGE - len(data)))

def last(*parts):
    tail = b''.join(parts)
    return bytes(PAGE - len(tail)) + tail

def u32(*n):
    return struct.pack('<%dI' % len(n), *n)

def u64(*n):
    return struct.pack('<%dQ' % len(n), *n)

candid = b'DIDL\0\1\161\2hi'
image('zeros', bytes(PAGE), 2)
image('candid', candid)
image('candid_prefixed', u32(len(candid)) + candid)
image('cbor_prefixed', bytes.fromhex('05000000a16161182a'))
# The worked example of Motoko's region manager, and what upgrades park.
regions = bytes.fromhex('4d4f524547494f4e0200000080000000100000000000030000001200000000000000' +
                        '11000000000000000000' + '80' + '1200000000000000' + '0000' + '05' +
                        '1100000000000000' + '0100' + '02')
image('regions', regions, 16 + 3 * 128)
image('regions_parked', bytes(4) + regions[4:], 16 + 3 * 128)
image('regions_broken', regions[:12] + b'\x81' + regions[13:], 16 + 3 * 128)
image('parked_0', u32(9) + b'DIDL\0\1\x7b\2x' + u64(77))
image('parked_2', bytes(PAGE) + u32(100) + b'DIDL' + bytes(2 * PAGE - 8 - 20) + u64(5) + u32(1, 7, 2))
image('parked_3', bytes(PAGE) + b'graph' * 100 + bytes(PAGE - 500) +
      last(u64(9), u64(PAGE), u64(500), u64(2 * PAGE), u32(7, 3)))
image('parked_5', b'\0\0\0\0' + b'x' * (PAGE - 4) + last(u64(1), u32(7, 5)))
# What begins like something and is something else.
image('like_btree', b'BTR\2' + b'\xff' * 200)
image('like_cell', b'SCL\1' + u32(70000) + b'x' * 100)
image('like_vec', b'SVC\1' + u64(1 << 60) + b'\xff' * 30)
image('like_candid', b'DIDLxyz')
image('like_sqlite', b'SQLite format 3\0' + b'\xff' * 100)
image('like_manager', b'MGR\1' + b'\x55' * 60000)
image('like_parked', bytes(PAGE - 4) + u32(5))
image('noise', bytes((i * 37 + i // 7) % 251 for i in range(70000)))
# A dump saved over a managed image: its table is still there.
managed = open('k_waste.img', 'rb').read()
open('over.img', 'wb').write(candid + managed[len(candid):])
EOF
content zeros.img zeros "only zeros"
content candid.img candid "Candid message"
content candid_prefixed.img candid-prefixed "behind its length"
content cbor_prefixed.img cbor-prefixed "behind its length"
content regions.img motoko-regions "3 blocks of 8 MiB"
content regions_parked.img motoko-regions "parked by an upgrade"
content parked_0.img motoko-parked "Motoko's stable variables"
content parked_2.img motoko-parked "100 bytes parked behind 1 pages"
content parked_3.img motoko-parked "object graph, 500 bytes"
content parked_5.img motoko-parked "1 pages parked"
for name in like_btree like_cell like_vec like_candid like_sqlite like_manager like_parked \
    regions_broken noise; do
    content $name.img unknown ""
done
content over.img candid "saved over a managed image, whose table of 20 buckets is still there"

# A manager that was made over something else still shows it; a new one does not.
run 0 info --json n_stale_reinit.img
json '[.kind, .page_0_stale_bytes]' '["managed",30601]'
run 0 info n_stale_reinit.img
grep -q '^  stale     30,601 bytes in page 0, of something that the manager was made over$' out || fail "$(cat out)"
run 0 info --json a_empty.img
json .page_0_stale_bytes 0
