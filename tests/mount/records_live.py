#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""records_live.py MNT: .canister/records while the memories are written through the mount."""
import ctypes
import errno
import hashlib
import os
import random
import sys

import btree

mnt = sys.argv[1]
records = os.path.join(mnt, ".canister/records").encode()
random.seed(6)


def put(mm_id, content):
    with open(f"{mnt}/{mm_id}", "wb") as file:
        file.write(content)


def path(mm_id, name=b""):
    return os.path.join(records, str(mm_id).encode(), name)


def read(mm_id, name):
    with open(path(mm_id, name), "rb", buffering=0) as file:
        return file.read()


def fails(code, call, *args):
    try:
        call(*args)
    except OSError as error:
        assert error.errno == code, (error, errno.errorcode[code])
        return
    raise AssertionError((call, args, "did not fail"))


def expect(mm_id, want):
    """These names, each with this value, and no other."""
    names = os.listdir(path(mm_id))
    assert sorted(names) == sorted(want), (len(names), len(want), set(names) ^ set(want))
    for name, value in want.items():
        assert read(mm_id, name) == value, name


def names_follow_the_keys():
    words = {"alice": b"1", "zoë": b"2", "日本": b"3", "a b\\c": b"", "x" * 255: b"5", "-": b"6"}
    text = {name.encode(): value for name, value in words.items()}
    put(5, btree.build(sorted(text.items())))
    expect(5, text)
    fails(errno.ENOENT, read, 5, b"alic")
    fails(errno.ENOENT, read, 5, b"616c696365")
    for odd in (b"a/b", b".", b"..", b"\n", b"\x7f", b"\xc2\x85", b"\xff", b"\xed\xa0\x80",
                b"\xc1\x81", b"\xf4\x90\x80\x80", b"y" * 256):
        with_odd = sorted([(b"alice", b"1"), (odd, b"2")])
        put(5, btree.build(with_odd))
        name = odd.hex().encode() if len(odd) < 128 else \
            odd[:95].hex().encode() + b"~" + hashlib.sha256(odd).hexdigest().encode()
        expect(5, {b"616c696365": b"1", name: b"2"})
        fails(errno.ENOENT, read, 5, b"alice")
    put(5, btree.build([(b"", b"nothing"), (b"a", b"1")]))
    expect(5, {b"empty": b"nothing", b"61": b"1"})
    for name in (b"", b"6", b"6A", b"6a6", b"EMPTY", b"61" * 100, b"61~"):
        assert not name or not os.path.lexists(path(5, name)), name
    fails(errno.ENAMETOOLONG, read, 5, b"61" * 128)
    # keys that only differ behind what a name has room for
    same = [(b"\0" * 200 + bytes([n]), bytes([n])) for n in range(100)]
    put(5, btree.build(same, 4096))
    expect(5, {key[:95].hex().encode() + b"~" + hashlib.sha256(key).hexdigest().encode(): value
               for key, value in same})


def every_order_is_searched():
    numbers = [random.randrange(1 << 32) for _ in range(500)]
    keys = {n: n.to_bytes(4, "big") for n in numbers}
    orders = {
        "bytes": sorted(keys.values()),
        "little-endian": [key[::-1] for key in sorted(keys.values())],
        "reversed": sorted(keys.values(), reverse=True),
        "length": sorted((key[:1 + key[0] % 4] + b"\1" for key in keys.values()),
                         key=lambda key: (len(key), key)),
        "own": random.sample(list(keys.values()), len(keys)),
    }
    for order, ordered in orders.items():
        ordered = list(dict.fromkeys(ordered))
        put(5, btree.build([(key, key + b"!") for key in ordered]))
        names = [key.hex().encode() for key in ordered]
        with os.scandir(path(5)) as entries:
            assert [entry.name for entry in entries] == names, order
        for name in random.sample(names, 100):
            assert read(5, name) == bytes.fromhex(name.decode()) + b"!", (order, name)
            assert not os.path.lexists(path(5, name + b"00")), (order, name)


def changes_are_seen_at_once():
    put(5, btree.build([(b"a", b"old"), (b"b", b"kept")]))
    put(6, btree.build([(b"z", b"z")]))
    assert (read(5, b"a"), read(6, b"z")) == (b"old", b"z")
    content = open(f"{mnt}/5", "rb").read()
    with open(f"{mnt}/5", "r+b", buffering=0) as file:
        file.seek(content.index(b"old"))
        assert read(5, b"a") == b"old"
        file.write(b"new")
        os.fsync(file.fileno())
        assert read(5, b"a") == b"new"
    with open(f"{mnt}/5", "r+b", buffering=0) as file:
        file.seek(content.index(b"old"))
        file.write(b"raw")  # only the kernel has it
        assert read(5, b"a") == b"raw"
    held = os.open(path(5, b"a"), os.O_RDONLY)
    put(5, btree.build([(b"a", b"longer than before"), (b"c", b"")]))
    assert os.pread(held, 100, 0) == b"longer than before"
    assert os.stat(path(5, b"a")).st_size == 18
    assert os.stat(path(5, b"a")).st_mtime_ns == os.stat(f"{mnt}/5").st_mtime_ns
    expect(5, {b"a": b"longer than before", b"c": b""})
    os.rename(f"{mnt}/6", f"{mnt}/5")
    fails(errno.ESTALE, os.pread, held, 100, 0)
    os.close(held)
    expect(5, {b"z": b"z"})
    assert not os.path.lexists(path(6))
    os.truncate(f"{mnt}/5", 0)
    assert os.listdir(records) == []
    fails(errno.ENOENT, os.listdir, path(5))


class Dirent(ctypes.Structure):
    _fields_ = [("ino", ctypes.c_uint64), ("off", ctypes.c_int64), ("reclen", ctypes.c_ushort),
                ("type", ctypes.c_ubyte), ("name", ctypes.c_char * 256)]


def a_long_listing_goes_on_from_anywhere():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
    libc.telldir.restype = ctypes.c_long
    libc.readdir.argtypes = libc.telldir.argtypes = libc.closedir.argtypes = [ctypes.c_void_p]
    libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
    count = 100_000
    put(5, btree.build([(b"%07d" % n, b"") for n in range(count)], 512))

    stream = libc.opendir(path(5))
    listed, places = [], []
    while True:
        place = libc.telldir(stream)
        entry = libc.readdir(stream)
        if not entry:
            break
        places.append(place)
        listed.append(Dirent.from_address(entry).name)
    assert listed[:2] == [b".", b".."] and listed[2:] == [b"%07d" % n for n in range(count)]
    assert len(set(places)) == len(places)

    def from_place(n):
        libc.seekdir(stream, places[n])
        return Dirent.from_address(libc.readdir(stream)).name

    for n in random.sample(range(count), 200) + [0, 1, 2, count + 1]:
        assert from_place(n) == listed[n], n
    # the map becomes another one meanwhile: what comes is of that, and comes to an end
    libc.seekdir(stream, places[count // 2])
    put(5, btree.build([(b"%05d" % n, b"") for n in range(1000)], 1024))
    rest = 0
    while entry := libc.readdir(stream):
        name = Dirent.from_address(entry).name
        rest += len(name) == 5
        assert rest <= 1000, name
    assert from_place(2) == b"00000"
    for place in (3, 1 << 40, 1 << 52, (1 << 62) + 5, (1 << 63) - 1):
        libc.seekdir(stream, place)
        while libc.readdir(stream):
            pass
    libc.closedir(stream)


def look_through(mm_id):
    """Whatever can be seen is looked at; errors are only of these kinds."""
    allowed = (errno.EUCLEAN, errno.EIO, errno.ENOENT, errno.EDOM, errno.ESTALE)
    seen = 0
    try:
        with os.scandir(path(mm_id)) as entries:
            for entry in entries:
                seen += 1
                if seen % 100 == 1:
                    try:
                        read(mm_id, entry.name)
                    except OSError as error:
                        assert error.errno in allowed, error
        os.path.lexists(path(mm_id, b"61"))
    except OSError as error:
        assert error.errno in allowed, error
    return seen


def damage_ends_in_errors():
    for bad in (btree.own_child(), btree.round_and_round()):
        put(5, bad)
        assert look_through(5) <= len(bad) // 8 + 1000
        fails(errno.EUCLEAN, os.listdir, path(5))
        fails(errno.EUCLEAN, read, 5, b"6161")
    sound = btree.build([(b"key %03d" % n, b"value") for n in range(300)], 512)
    for _ in range(60):
        bad = bytearray(sound)
        for _ in range(random.randrange(1, 6)):
            at = random.choice((random.randrange(100), random.randrange(30000)))
            bad[at] = random.choice((0, 1, 255, random.randrange(256)))
        put(5, bad)
        look_through(5)
    put(5, sound)
    assert look_through(5) == 300


names_follow_the_keys()
every_order_is_searched()
changes_are_seen_at_once()
a_long_listing_goes_on_from_anywhere()
damage_ends_in_errors()
