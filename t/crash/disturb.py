# SPDX-License-Identifier: ISC
"""The four ways to disturb a program."""
import os
import re
import shutil
from subprocess import TimeoutExpired

import powercut
from judge import Judge
from lab import Run, number

# What a system call can fail with. What is not here always succeeds.
SPACE = ("ENOSPC", "EIO")
FAILURES = {
    "open": ("ENOSPC", "EIO", "EMFILE"), "openat": ("ENOSPC", "EIO", "EMFILE"),
    "read": ("EIO", "EINTR"), "pread64": ("EIO", "EINTR"),
    "recvfrom": ("ECONNRESET", "EINTR"), "recvmsg": ("ECONNRESET", "EINTR"),
    "write": ("ENOSPC", "EIO", "EINTR"), "pwrite64": SPACE,
    "writev": ("ENOSPC", "EIO", "EINTR"),
    "sendto": ("EPIPE", "EINTR"), "sendmsg": ("EPIPE", "EINTR"),
    "fsync": SPACE, "fdatasync": SPACE, "sync_file_range": ("EIO",),
    "fallocate": SPACE, "ftruncate": SPACE, "close": ("EIO",),
    "fstat": ("EIO",), "stat": ("EIO",), "lstat": ("EIO",),
    "newfstatat": ("EIO",), "statx": ("EIO",), "lseek": ("EINVAL",),
    "rename": SPACE, "renameat": SPACE, "renameat2": SPACE,
    "link": SPACE, "linkat": SPACE, "unlink": SPACE, "unlinkat": SPACE,
    "mkdir": SPACE, "mkdirat": SPACE, "utimensat": ("EIO",),
    "getdents64": ("EIO",), "getdents": ("EIO",), "flock": ("EINTR", "ENOLCK"),
    "fcntl": ("EINTR", "ENOLCK"), "fchmod": ("EIO",),
    "fork": ("EAGAIN",), "vfork": ("EAGAIN", "ENOMEM"),
    "clone": ("EAGAIN", "ENOMEM"), "clone3": ("EAGAIN", "ENOMEM"),
    "execve": ("EACCES", "ENOMEM"), "pipe": ("EMFILE",), "pipe2": ("EMFILE",),
    "socketpair": ("EMFILE",), "socket": ("EMFILE",), "dup2": ("EMFILE",),
    "dup3": ("EMFILE",), "dup": ("EMFILE",),
    "connect": ("ECONNREFUSED", "ETIMEDOUT", "EINTR"),
    "poll": ("EINTR", "ENOMEM"), "ppoll": ("EINTR", "ENOMEM"),
    "wait4": ("EINTR",), "waitid": ("EINTR",), "mmap": ("ENOMEM",),
    "brk": ("ENOMEM",), "mremap": ("ENOMEM",), "madvise": ("ENOMEM",),
    "signalfd4": ("EMFILE",), "inotify_init1": ("EMFILE",),
    "inotify_add_watch": ("ENOSPC",), "getrandom": ("ENOSYS",),
    "eventfd2": ("EMFILE",), "memfd_create": ("EMFILE",),
    "copy_file_range": SPACE, "sendfile": SPACE,
}
MEMORY = {"malloc", "brk", "mmap", "mremap"}
EX_TEMPFAIL = 75
AMOUNTS = {"read", "write", "writev", "sendto", "recvfrom", "pread64", "pwrite64"}


class Disturbance:
    what = ""

    def __init__(self, lab, scenario, args, report):
        self.lab, self.scenario = lab, scenario
        self.args, self.report = args, report
        self.points = self.duplicates = 0
        self.at = args.start % args.every
        self.every()

    def tamper(self, *options):
        more = ["--no-sync"] if self.args.no_sync else []
        return self.lab.play(self.scenario, *more, *options)

    def turn(self):
        """Is it this point's turn?"""
        self.at += 1
        return self.at % self.args.every == 0

    def judge(self, point, run, crashed, loose=False):
        judge = Judge(self.lab, self.scenario, loose)
        if not crashed:
            judge.manners(run)
        # who is out of memory leaves at once
        crashed = crashed or run.hit in MEMORY and run.status == EX_TEMPFAIL
        # nor can anybody remove what cannot be removed
        crashed = crashed or run.hit.startswith("unlink")
        # who cannot hear the monitor does not know when a filter has ended, which
        # may put a text back that was removed
        crashed = crashed or run.hit == "recvmsg"
        if loose:
            judge.bury_remnants(self.scenario.acked(run))
        for problem in judge.judge(run, crashed):
            self.report.problem(self.scenario.name, self.what, point, problem)
        self.points += 1
        self.duplicates += judge.duplicates > 0
        if self.args.show:
            print(self.scenario.name, point, run.hit, run.status, run.signal,
                  judge.duplicates or "", flush=True)
        self.report.progress(self.scenario.name, self.what, self.points)

    def undisturbed(self):
        """The calls of the program, by process."""
        run = self.tamper("--record")
        judge = Judge(self.lab, self.scenario)
        judge.manners(run)
        for problem in judge.judge(run, False):
            self.report.problem(self.scenario.name, self.what, "as it is",
                                problem)
        return run.calls

    def calls(self):
        """(call, whether it is of one of our programs) of a run."""
        ours, calls, parent = {0: True}, self.undisturbed(), {}
        for call in calls:
            p = call["p"]
            if p not in ours:
                ours[p] = ours[parent.get(call["pid"], 0)]
            if call["call"] in ("fork", "vfork", "clone", "clone3"):
                parent[call["result"]] = p
            if call["call"] == "execve" and call["result"] == 0:
                ours[p] = call["path"].startswith(self.lab.bin)
            if not self.args.calls or call["call"] in self.args.calls:
                yield call, ours[p]

    def try_point(self, point, crashed, *options, error=""):
        if not self.turn():
            return
        try:
            run = self.tamper(*options)
        except TimeoutExpired:
            self.report.problem(self.scenario.name, self.what, point, "hangs")
            return
        run.error = error
        if run.hit:
            self.judge(point, run, crashed)


class Kills(Disturbance):
    what = "kills"

    def every(self):
        calls = list(self.calls())
        self.kill(calls, "killed", "--kill")
        if any(call["p"] > 0 for call, _ in calls):
            self.kill(calls, "all killed", "--kill-all")

    def kill(self, calls, how, option):
        before = self.duplicates
        for call, _ in calls:
            at, name = f"{call['p']}:{call['n']}", call["call"]
            self.try_point(f"{how} at {at} {name}", True, option, at)
        twice = self.duplicates - before
        if twice > self.scenario.window:
            self.report.problem(
                self.scenario.name, self.what, how, "twice at "
                f"{twice} calls, not {self.scenario.window}")


class Faults(Disturbance):
    what = "faults"

    def every(self):
        for call, ours in list(self.calls()):
            if not ours:
                continue
            at, name = f"{call['p']}:{call['n']}", call["call"]
            for error in FAILURES.get(name, ()):
                self.try_point(f"{error} at {at} {name}", False, "--fail",
                               f"{at}:{number(error)}:{name}", error=error)
            if name in AMOUNTS and call["result"] > 1:
                self.try_point(f"short at {at} {name}", False, "--short",
                               f"{at}:1:{name}")


class Memory(Disturbance):
    what = "memory"

    def every(self):
        n, run = 0, Run(hit="malloc")
        while run.hit:
            if self.turn():
                run = self.lab.play_stingy(self.scenario, n)
                if run.hit:
                    self.judge(f"allocation {n}", run, False)
            n += 1


class Cuts(Disturbance):
    what = "cuts"

    def every(self):
        self.lab.fill(self.scenario)
        before = self.on_disk()
        more = ["--no-sync"] if self.args.no_sync else []
        run = self.lab.run(self.scenario, "--record", *more)
        record = powercut.Record(self.lab.spool, run.calls,
                                 self.scenario.lax)
        known = set()
        for at, image, ordered in powercut.states(record, before,
                                                  self.args.random):
            run, taken = self.told(record.events[:at], run.status)
            key = (image, tuple(self.scenario.acked(run)), repr(taken), ordered)
            if key not in known and self.turn():
                self.build(image)
                self.lab.sink.reset(**self.scenario.sink)
                self.lab.sink.taken = taken
                self.judge(f"cut behind step {at}"
                           + ("" if ordered else ", out of order"),
                           run, True, loose=not ordered)
            known.add(key)

    def on_disk(self):
        names, files, dirs = {}, {}, {self.lab.spool}
        for directory, below, found in os.walk(self.lab.spool):
            dirs.update(os.path.join(directory, d) for d in below)
            for name in found:
                path = os.path.join(directory, name)
                ino = os.stat(path).st_ino
                with open(path, "rb") as file:
                    names[path], files[ino] = ino, file.read()
        return powercut.Disk(names, files, dirs)

    def build(self, image):
        files, dirs = image
        shutil.rmtree(self.lab.spool)
        for path in dirs:       # sorted: parents come first
            os.mkdir(path)
        for path, octets in files:
            with open(path, "wb") as file:
                file.write(octets)

    def told(self, events, status):
        """What others have been told so far: as the end of a run, and as
        what the far end has taken and said so."""
        said, heard = (b"".join(e[1] for e in events if isinstance(e, tuple)
                                and e[0] == kind) for kind in ("say", "hear"))
        ended = ("end", 0) in events
        run = Run(status=status if ended else -1, out=said)
        took = re.findall(rb"took (\S+) for (.*)\r\n", heard)
        text = {m.name: m.text for m in self.scenario.messages}
        if self.scenario.seen:
            text = {name: t + b"seen\r\n" for name, t in text.items()}
        return run, [(text[name.decode()], to.decode().split())
                     for name, to in took]
