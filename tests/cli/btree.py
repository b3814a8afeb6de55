#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Maps of the library's B-tree, made and audited without canisterfs.

btree.py make KIND FACTOR   writes memory.bin, a map, and JSON lines: `first`, what is to be loaded
                            into it at first, where it is empty; `merge` and `delete`, 1,100 changes
                            and 100 keys times FACTOR; `want`, all records after that
btree.py audit FILE WIDTH   holds a memory against the library's invariants, prints its records

As a module: version_2 makes a map of the present library, Map audits one in any order of keys.
"""
import json
import random
import struct
import sys

HEAD, FIRST, CHUNK = 52, 100, 16
MAX, MIN = 11, 5

# page bytes, the largest key and value; version 1 has its pages from the two
KINDS = {
    'u64': (275, 8, 8),
    'set': (209, 8, 0),
    'unbounded': (1024, 60, 3000),
    'small-pages': (128, 12, 400),
    'v1': (191 + 11 * 50, 20, 30),
}


def record(key, value):
    return '{"key": "%s", "value": "%s"}\n' % (key.hex(), value.hex())


# ---- making ----

def level(entries, children):
    """Cuts entries into nodes of about 8 with one entry between two neighbours."""
    count = max(2, round((len(entries) + 1) / 9)) if len(entries) > MAX else 1
    held, nodes, between, at = len(entries) - (count - 1), [], [], 0
    for i in range(count):
        n = held * (i + 1) // count - held * i // count
        nodes.append((entries[at:at + n], children[at:at + n + 1]))
        if i < count - 1:
            between.append(entries[at + n])
        at += n + 1
    return nodes, between


def version_1(entries, page, k, v):
    """A map whose chunks are all in use, in the order in which they were taken."""
    chunks, below, children = [], entries, []
    while True:
        nodes, between = level(below, children)
        children = []
        for held, under in nodes:
            raw = b'BTN\1' + struct.pack('<BH', bool(under), len(held))
            for key, value in held:
                raw += struct.pack('<I', len(key)) + key.ljust(k, b'\xee')
                raw += struct.pack('<I', len(value)) + value.ljust(v, b'\xee')
            raw += b''.join(struct.pack('<Q', child) for child in under)
            children.append(FIRST + CHUNK + len(chunks) * (page + CHUNK))
            chunks.append(b'CHK\1\1' + bytes(11) + raw.ljust(page, b'\xee'))
        if not between:
            break
        below = between
    frontier = FIRST + len(chunks) * (page + CHUNK)
    head = struct.pack('<3sBIIQQ', b'BTR', 1, k, v, children[0], len(entries)).ljust(HEAD, b'\0')
    head += struct.pack('<3sB4xQQQ16x', b'BTA', 1, page, len(chunks), frontier)
    return head + b''.join(chunks) + b'CHK\1' + bytes(12)


def pages_of(logical, page):
    """What lies in the first page of a node, and in each overflow page."""
    room = page - 11
    return [logical[:page]] + [logical[at:at + room] for at in range(page, len(logical), room)]


def version_2(entries, page, width):
    """A map of sorted entries; width None: each key has its length before it."""
    chunks, below, children = [], entries, []

    def address(index):
        return FIRST + CHUNK + index * (page + CHUNK)

    while below:
        nodes, between = level(below, children)
        children = []
        for held, under in nodes:
            raw = b''.join(struct.pack('<Q', child) for child in under)
            for key, _ in held:
                raw += (struct.pack('<I', len(key)) if width is None else b'') + key
            for _, value in held:
                raw += struct.pack('<I', len(value)) + value
            parts = pages_of(bytes(15) + raw, page)
            at = len(chunks)
            follow = [address(at + i) for i in range(1, len(parts))] + [0]
            head = b'BTN\2' + struct.pack('<BHQ', bool(under), len(held), follow[0])
            parts[0] = head + parts[0][15:]
            parts[1:] = [b'NOF' + struct.pack('<Q', next) + part
                         for part, next in zip(parts[1:], follow[1:])]
            children.append(address(at))
            chunks += [b'CHK\1\1' + bytes(11) + part.ljust(page, b'\0') for part in parts]
        below = between
    root = children[0] if entries else 0
    frontier = FIRST + len(chunks) * (page + CHUNK)
    head = struct.pack('<3sBIIQQ', b'BTR', 2, page, 0xffffffff, root, len(entries))
    head = head.ljust(HEAD, b'\0')
    head += struct.pack('<3sB4xQQQ16x', b'BTA', 1, page, len(chunks), frontier)
    return head + b''.join(chunks) + b'CHK\1' + bytes(12)


def empty(page):
    return (struct.pack('<3sBII', b'BTR', 2, page, 0xffffffff).ljust(HEAD, b'\0') +
            struct.pack('<3sB4xQQQ16x', b'BTA', 1, page, 0, FIRST) + b'CHK\1' + bytes(12))


def make(kind, factor):
    page, k, v = KINDS[kind]
    rng = random.Random(kind)

    def some_key():
        return rng.randbytes(k if k == 8 else rng.randrange(k + 1))

    def some_value():
        most = v if v < 100 or rng.random() < .2 else 100
        return rng.randbytes(v if k == 8 else rng.randrange(most + 1))

    records = {}
    while len(records) < 1100 * factor:
        records[some_key()] = some_value()
    if kind == 'v1':
        open('memory.bin', 'wb').write(version_1(sorted(records.items()), page, k, v))
    else:
        open('memory.bin', 'wb').write(empty(page))
        order = list(records.items())
        rng.shuffle(order)
        open('first', 'w').writelines(record(*r) for r in order)
    keys = sorted(records)
    rng.shuffle(keys)
    with open('delete', 'w') as out:
        for key in keys[1000 * factor:]:
            out.write('{"key": "%s"}\n' % key.hex())
            del records[key]
    gone = set(keys[1000 * factor:])
    changes = {key: some_value() for key in keys[:1000 * factor]}
    while len(changes) < 1100 * factor:
        key = some_key()
        if key not in records and key not in gone:
            changes[key] = some_value()
    records.update(changes)
    open('merge', 'w').writelines(record(*r) for r in changes.items())
    open('want', 'w').writelines(record(*r) for r in sorted(records.items()))


# ---- auditing ----

class Map:
    def __init__(self, raw, width, order=None):
        self.raw, self.width = raw, width
        magic, self.version, a, b, self.root, self.count = struct.unpack_from('<3sBIIQQ', raw)
        assert magic == b'BTR' and self.version in (1, 2)
        self.a, self.b = a, b
        magic, version, self.page, self.chunks, self.free = struct.unpack_from('<3sB4xQQQ', raw, HEAD)
        assert (magic, version) == (b'BTA', 1)
        assert self.page == (a if (self.version, b) == (2, 0xffffffff) else 191 + 11 * (a + b))
        self.pages, self.records, self.leaf_depths = set(), [], set()
        if self.root:
            self.walk(self.root, 0)
        assert (self.root == 0) == (self.count == 0) and len(self.records) == self.count
        assert len(self.leaf_depths) <= 1
        keys = [order(key) if order else key for key, _ in self.records]
        assert all(x < y for x, y in zip(keys, keys[1:])), 'keys ascend'
        self.audit_chunks()

    def take(self, at):
        """A page is a chunk in use that nothing else has."""
        assert at not in self.pages and (at - FIRST - CHUNK) % (self.page + CHUNK) == 0
        self.pages.add(at)
        assert self.raw[at - CHUNK:at - CHUNK + 5] == b'CHK\1\1'
        return self.raw[at:at + self.page]

    def version_1(self, at, n, inner):
        raw, entries, off = self.take(at), [], 7
        for _ in range(n):
            k, = struct.unpack_from('<I', raw, off)
            v, = struct.unpack_from('<I', raw, off + 4 + self.a)
            assert k <= self.a and v <= self.b
            entries.append((raw[off + 4:off + 4 + k],
                            raw[off + 8 + self.a:off + 8 + self.a + v]))
            off += 8 + self.a + self.b
        return entries, struct.unpack_from('<%dQ' % (n + 1), raw, off) if inner else ()

    def version_2(self, at, n, inner):
        raw = self.take(at)
        over, = struct.unpack_from('<Q', raw, 7)
        chain = 0
        while over:
            piece = self.take(over)
            assert piece[:3] == b'NOF'
            over, = struct.unpack_from('<Q', piece, 3)
            raw += piece[11:]
            chain += 1
        off = 15 + 8 * (n + 1) * inner
        children = struct.unpack_from('<%dQ' % (n + 1), raw, 15) if inner else ()
        parts = []
        for i in range(2 * n):
            width = self.width if i < n else None
            if width is None:
                width, = struct.unpack_from('<I', raw, off)
                off += 4
            parts.append(raw[off:off + width])
            assert len(parts[-1]) == width
            off += width
        behind = max(0, off - self.page)
        assert chain == -(-behind // (self.page - 11)), 'as many overflow pages as it takes'
        return list(zip(parts[:n], parts[n:])), children

    def walk(self, at, depth):
        magic, version, inner, n = struct.unpack_from('<3sBBH', self.raw, at)
        assert magic == b'BTN' and inner in (0, 1)
        assert (1 if at == self.root else MIN) <= n <= MAX, 'a node of %d entries' % n
        entries, children = {1: self.version_1, 2: self.version_2}[version](at, n, inner)
        if not inner:
            self.leaf_depths.add(depth)
        for i in range(n + 1):
            if inner:
                self.walk(children[i], depth + 1)
            if i < n:
                self.records.append(entries[i])

    def audit_chunks(self):
        """Free ones are in the list, the others are pages; the list ends with the frontier."""
        listed, at = [], self.free
        while at:
            assert at not in listed[-1:] and (at - FIRST) % (self.page + CHUNK) == 0
            assert self.raw[at:at + 5] == b'CHK\1\0'
            listed.append(at)
            assert len(listed) <= len(self.raw)
            at, = struct.unpack_from('<Q', self.raw, at + 8)
        assert max(listed) == listed[-1] and len(set(listed)) == len(listed)
        assert len(self.pages) == self.chunks, 'no chunk leaks'
        assert (listed[-1] - FIRST) // (self.page + CHUNK) == self.chunks + len(listed) - 1
        assert not self.pages & {at + CHUNK for at in listed}


def main():
    if sys.argv[1] == 'make':
        make(sys.argv[2], int(sys.argv[3]))
    else:
        width = None if sys.argv[3] == 'prefixed' else int(sys.argv[3])
        audited = Map(open(sys.argv[2], 'rb').read(), width)
        sys.stdout.writelines(record(*r) for r in audited.records)


if __name__ == '__main__':
    main()
