# SPDX-License-Identifier: MIT
"""Memories with a StableBTreeMap of Vec<u8> to Vec<u8>, as bytes: made here, so that what reads them
is held against something else than what writes them. See memmgr/structures/btree.h."""
import struct

PAGE_LEN = 65536
MAX = 11


def capacity(height):
    return 12 ** (height + 1) - 1


class Builder:
    def __init__(self, page_len, fixed=False):
        self.page_len = page_len
        self.fixed = fixed  # keys are of one length, which is stored nowhere
        self.pages = []

    def add(self, page):
        """The address of a node, or of what is to be taken for one."""
        assert len(page) <= self.page_len, len(page)
        self.pages.append(page)
        return 100 + (len(self.pages) - 1) * (self.page_len + 16) + 16

    def node(self, records, children):
        """A node of version 2: overflow, children, keys, values."""
        page = b"BTN\x02" + bytes([1 if children else 0]) + struct.pack("<HQ", len(records), 0)
        page += b"".join(struct.pack("<Q", child) for child in children)
        page += b"".join((b"" if self.fixed else struct.pack("<I", len(key))) + key
                         for key, _ in records)
        page += b"".join(struct.pack("<I", len(value)) + value for _, value in records)
        return self.add(page)

    def tree(self, records, height):
        if height == 0:
            return self.node(records, [])
        below = capacity(height - 1)
        keys = 1
        while len(records) - keys > (keys + 1) * below:
            keys += 1
        rest = len(records) - keys
        here, children, at = [], [], 0
        for n in range(keys + 1):
            size = rest // (keys + 1) + (n < rest % (keys + 1))
            children.append(self.tree(records[at:at + size], height - 1))
            at += size
            if n < keys:
                here.append(records[at])
                at += 1
        return self.node(here, children)

    def memory(self, root, count):
        used = len(self.pages)
        free = 100 + used * (self.page_len + 16)
        out = struct.pack("<3sBIIQQ", b"BTR", 2, self.page_len, 0xffffffff, root, count)
        out = out.ljust(52, b"\0")
        out += struct.pack("<3sB4xQQQ16x", b"BTA", 1, self.page_len, used, free)
        out += b"".join(b"CHK\x01\x01" + bytes(11) + page.ljust(self.page_len, b"\0")
                        for page in self.pages)
        out += b"CHK\x01" + bytes(12)
        return out + bytes(-len(out) % PAGE_LEN)


def build(records, page_len=1024, fixed=False):
    """The memory of a map with these (key, value) pairs, in this order."""
    builder = Builder(page_len, fixed)
    height = 0
    while capacity(height) < len(records):
        height += 1
    root = builder.tree(records, height) if records else 0
    return builder.memory(root, len(records))


def round_and_round(levels=12):
    """Each node's children are all one and the same: a walk would come by 12 ** levels leaves."""
    builder = Builder(1024)
    records = [(bytes([n]), b"") for n in range(MAX)]
    child = builder.node(records, [])
    for _ in range(levels):
        child = builder.node(records, [child] * (MAX + 1))
    return builder.memory(child, 1 << 60)


def own_child():
    """The root is its own child."""
    builder = Builder(1024)
    root = 100 + 16
    assert builder.node([(b"k", b"")], [root, root]) == root
    return builder.memory(root, 1)
