# SPDX-License-Identifier: ISC
"""What a power cut can leave on disk, from a record of what was done.

The model is the least that POSIX promises. A file's octets and length are on
disk after an fsync of the file; a name that is made, changed or removed is
after an fsync of the directory; nothing else is, in whatever order it was
done. A rename is all or nothing.

Journals keep more: the changes of a directory come to disk in their order.
Both is looked at. In order, only the states of the drawing may be there; out
of order there may be envelopes without a text, of messages that were never
acknowledged or that all have got.
"""
import itertools
import os
import random
import re
from dataclasses import dataclass

IGNORED = re.compile(r"/\.(counters|clients|forward\.lock)$")


@dataclass
class Op:
    """A change: of a file (its number) or of a directory (its path)."""
    kind: str                   # write cut make rename link unlink mkdir
    where: object               # what has to be synced for it
    name: str = ""
    to: str = ""
    ino: int = 0
    off: int = 0
    data: bytes = b""
    synced: bool = False        # at once


class Disk:
    """Names and files, as changed by some of the operations."""

    def __init__(self, names, files, dirs):
        self.names, self.files = dict(names), dict(files)
        self.dirs = set(dirs)

    def apply(self, op):
        getattr(self, op.kind)(op)

    def write(self, op):
        old = self.files.get(op.ino, b"")
        old = old.ljust(op.off, b"\0")
        self.files[op.ino] = old[:op.off] + op.data + \
            old[op.off + len(op.data):]

    def cut(self, op):
        self.files[op.ino] = self.files.get(op.ino, b"")[:op.off] \
            .ljust(op.off, b"\0")

    def make(self, op):
        self.names[op.name] = op.ino
        self.files[op.ino] = b""

    def mkdir(self, op):
        self.dirs.add(op.name)

    def rename(self, op):
        if op.name in self.names:
            self.names[op.to] = self.names.pop(op.name)

    def link(self, op):
        if op.name in self.names:
            self.names[op.to] = self.names[op.name]

    def unlink(self, op):
        self.names.pop(op.name, None)

    def image(self):
        """{path: octets} and the directories, to compare and to build."""
        there = {n: self.files.get(i, b"") for n, i in self.names.items()
                 if os.path.dirname(n) in self.dirs}
        return (tuple(sorted(there.items())), tuple(sorted(self.dirs)))


class Record:
    """The operations of a run on the spool, and what was synced and said
    between them."""

    def __init__(self, spool, calls, lax):
        self.spool, self.lax = spool, lax
        self.events = []        # Op, ("sync", where), ("say", octets),
        self.sizes = {}         # ("hear", octets), ("end",)
        for call in calls:
            if call["result"] >= 0 and "averted" not in call:
                self.note(call, call["call"].rstrip("24"))

    def inside(self, path):
        return (path + "/").startswith(self.spool + "/") and \
            not IGNORED.search(path)

    def note(self, call, name):
        path, to = call.get("path", ""), call.get("to", "")
        data = bytes.fromhex(call.get("data", ""))
        if name in ("sendto", "recvfrom", "read") or \
                name in ("write", "writev") and not self.inside(path):
            if name in ("read", "recvfrom"):
                self.events.append(("hear", data))
            elif call["p"] == 0:
                self.events.append(("say", data))
        elif name in ("exit_group",):
            self.events.append(("end", call["p"]))
        elif self.inside(path) or to and self.inside(to):
            self.change(call, name, path, to, data)
            if self.lax and call["p"] > 0 and isinstance(self.events[-1], Op):
                self.events[-1].synced = True

    def change(self, call, name, path, to, data):
        parent = os.path.dirname(path)
        ino = call.get("ino", 0)
        if name in ("openat", "open"):
            if call["create"] and call["fresh"]:
                self.events.append(Op("make", parent, path, ino=ino))
                self.sizes[ino] = 0
            elif call["cut"]:
                self.events.append(Op("cut", ino, ino=ino))
        elif name in ("write", "writev", "pwrite6"):
            off = call["off"] if call["off"] >= 0 else call["size"]
            self.events.append(Op("write", ino, ino=ino, off=off, data=data))
        elif name == "ftruncate":
            self.events.append(Op("cut", ino, ino=ino, off=call["n"]))
        elif name in ("fsync", "fdatasync"):
            is_dir = any(path == d for d in self.directories())
            self.events.append(("sync", path if is_dir else ino))
        elif name in ("renameat", "rename"):
            self.events.append(Op("rename", parent, path, to))
        elif name in ("linkat", "link"):
            self.events.append(Op("link", os.path.dirname(to), path, to))
        elif name in ("unlinkat", "unlink"):
            self.events.append(Op("unlink", parent, path))
        elif name in ("mkdirat", "mkdir"):
            self.events.append(Op("mkdir", parent, path))
        elif name in ("copy_file_range",):
            raise RuntimeError(f"{name} is not known here")

    def directories(self):
        made = [e.name for e in self.events
                if isinstance(e, Op) and e.kind == "mkdir"]
        return [self.spool, *made,
                *(d.path for d in os.scandir(self.spool) if d.is_dir())]


def torn(op):
    """What else a write can have become."""
    half = len(op.data) // 2
    return [Op("write", op.where, ino=op.ino, off=op.off, data=d)
            for d in (op.data[:half], b"\0" * len(op.data),
                      op.data[:half].ljust(len(op.data), b"\0")) if d]


def choices(done, pending, rng, extra):
    """Lists of operations that may have come to the disk: those in `done`
    have, of those pending any may."""
    loose = set(map(id, pending))
    yield [o for o in done if id(o) not in loose]
    yield done
    for op in pending:
        yield [o for o in done if o is not op]
        yield [o for o in done if id(o) not in loose or o is op]
        for other in torn(op) if op.kind == "write" else ():
            yield [other if o is op else o for o in done]
    # a journal keeps the order of names, and cuts it off somewhere
    for n in range(1, len(pending)):
        late = set(map(id, pending[n:]))
        yield [o for o in done if id(o) not in late]
    for a, b in itertools.combinations(pending, 2):
        yield [o for o in done if o is not a and o is not b]
    for _ in range(extra):
        yield [o for o in done if id(o) not in loose or rng.random() < 0.5]


def in_order(ops, done):
    """Have the changes of each directory come to disk in their order?"""
    there, missing = set(map(id, ops)), set()
    for op in done:
        if not isinstance(op.where, str):
            continue
        if id(op) not in there:
            missing.add(op.where)
        elif op.where in missing:
            return False
    return True


def states(record, before, extra=0, seed=0):
    """(events so far, image, in order) for each distinct state that a cut can
    leave; before is the Disk that was there."""
    rng = random.Random(seed)
    done, pending = [], []
    for at, event in enumerate(record.events):
        if isinstance(event, Op):
            done.append(event)
            if not event.synced:
                pending.append(event)
        elif event[0] == "sync":
            pending = [o for o in pending if o.where != event[1]]
        seen = {}
        for ops in choices(done, pending, rng, extra):
            disk = Disk(before.names, before.files, before.dirs)
            for op in ops:
                disk.apply(op)
            image = disk.image()
            seen[image] = seen.get(image) or in_order(ops, done)
        for image, ordered in seen.items():
            yield at + 1, image, ordered
