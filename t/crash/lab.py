# SPDX-License-Identifier: ISC
"""Where a scenario is played, once for each thing that can go wrong."""
import errno
import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field

import spooldir

HANGS = 20                      # seconds


@dataclass
class Run:
    """How a program has ended, and what it has said by then."""
    status: int = 0
    signal: int = 0
    hit: str = ""
    error: str = ""             # with which a call has been made to fail
    out: bytes = b""
    err: bytes = b""
    calls: list = field(default_factory=list)


class Lab:
    def __init__(self, build, work, sink):
        self.bin = os.path.join(build, "bin")
        self.tamper = os.path.join(build, "t/bin/tamper")
        self.stingy = os.path.join(build, "t/crash/stingy.so")
        self.work, self.sink = work, sink
        self.spool = os.path.join(work, "spool")
        self.log = os.path.join(work, "log")
        self.me = ["--user=root"] if os.geteuid() == 0 else []
        self.environment = {"PATH": self.bin + ":/usr/bin:/bin",
                            "LC_ALL": "C", "TZ": "UTC",
                            "ASAN_OPTIONS": "detect_leaks=0"}
        self.write("secrets", b"server LOGIN bob pass\n"
                   b"server LOGIN joe pass\n", 0o600)
        self.write("filter", b"#!/bin/sh\nprintf 'seen\\r\\n' >>\"$1\"\n",
                   0o755)
        self.write("verifier", b"#!/bin/sh\ncase $1 in local-*) "
                   b"printf 'x\\n%s\\n' \"${1%@*}\"; exit 0 ;; esac\n"
                   b"printf '\\n%s\\n' \"$1\"; exit 1\n", 0o755)

    def path(self, name):
        return os.path.join(self.work, name)

    def write(self, name, octets, mode):
        with open(self.path(name), "wb") as file:
            file.write(octets)
        os.chmod(self.path(name), mode)

    def fill(self, scenario):
        """A new spool, as the scenario wants it."""
        shutil.rmtree(self.spool, ignore_errors=True)
        os.mkdir(self.spool)
        os.chmod(self.spool, 0o775)
        for box in scenario.boxes:
            os.mkdir(os.path.join(self.spool, box))
        hour_ago = time.time() - 3600
        for name, octets in scenario.files().items():
            path = os.path.join(self.spool, name)
            with open(path, "wb") as file:
                file.write(octets)
            os.utime(path, (hour_ago, hour_ago))
        self.sink.reset(**scenario.sink)

    def argv(self, scenario):
        words = {"spool": self.spool, "port": self.sink.port, "bin": self.bin,
                 "work": self.work}
        program, *args = [a.format(**words) for a in scenario.program]
        return [os.path.join(self.bin, program), *self.me,
                "--spool-dir", self.spool, *args]

    def play(self, scenario, *tampering):
        """Fill the spool and run the program, with this done to it."""
        self.fill(scenario)
        return self.run(scenario, *tampering)

    def run(self, scenario, *tampering):
        argv = [self.tamper, *tampering, self.log, *self.argv(scenario)]
        done = subprocess.run(argv, input=scenario.stdin, capture_output=True,
                              env=self.environment, timeout=HANGS)
        with open(self.log, encoding="utf-8") as log:
            calls = [json.loads(line) for line in log]
        self.sink.quiet()
        if not calls:
            raise RuntimeError(done.stderr.decode())
        return Run(**calls.pop(), out=done.stdout, err=done.stderr,
                   calls=calls)

    def play_stingy(self, scenario, n):
        """The same with the Nth allocation refused."""
        self.fill(scenario)
        mark = self.path("mark")
        env = dict(self.environment, LD_PRELOAD=self.stingy, STINGY=str(n),
                   STINGY_MARK=mark)
        if os.path.exists(mark):
            os.unlink(mark)
        done = subprocess.run(self.argv(scenario), input=scenario.stdin,
                              capture_output=True, env=env, timeout=HANGS)
        self.sink.quiet()
        return Run(status=max(done.returncode, -1),
                   signal=max(-done.returncode, 0),
                   hit="malloc" if os.path.exists(mark) else "",
                   out=done.stdout, err=done.stderr)

    def tool(self, program, *args):
        return subprocess.run(
            [os.path.join(self.bin, program), *self.me, "--spool-dir",
             self.spool, *args], capture_output=True, env=self.environment,
            stdin=subprocess.DEVNULL, timeout=HANGS)

    def entries(self):
        """All there is, also in the sub-directories."""
        found = spooldir.entries(self.spool)
        for box in spooldir.boxes(self.spool):
            found += spooldir.entries(os.path.join(self.spool, box), box)
        return found

    def age(self):
        """Two days later."""
        then = time.time() - 2 * 86400
        for directory, _, names in os.walk(self.spool):
            for name in names:
                os.utime(os.path.join(directory, name), (then, then))

    def drain(self):
        """All that is ready goes out."""
        taken = self.sink.taken
        self.sink.reset(lenient=True)
        done = self.tool("smtp-send", "--forward-to",
                         f"127.0.0.1:{self.sink.port}")
        self.sink.quiet()
        self.sink.taken = taken + self.sink.taken
        return done


def number(name):
    """The number of an errno, from its name."""
    return getattr(errno, name)
