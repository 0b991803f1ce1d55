# SPDX-License-Identifier: ISC
"""Is what is left what may be left?

Each message and each of its recipients is counted: who has it, at the far
end, in the spool, in a sub-directory. What is acknowledged, and what was in
the spool, must be there at least once, and nothing may be there twice but in
the one window that SMTP cannot close.
"""
import os
import re
from collections import Counter

import spooldir

CLEAR_EXITS = {0, *range(64, 79)}       # sysexits(3)
HARMLESS = {"unlink", "unlinkat", "rename", "renameat2", "open", "openat",
            "close", "fstat", "newfstatat", "flock", "fcntl", "utimensat"}
# A reply to what a client says while its message is not taken as it expects.
OUT_OF_STEP = re.compile(rb"^(50[0-3]|554 5\.5\.1) ")


class Judge:
    def __init__(self, lab, scenario, loose=False):
        self.lab, self.scenario, self.loose = lab, scenario, loose
        self.messages = {m.name: m for m in scenario.messages}
        self.problems = []
        self.duplicates = 0

    def wrong(self, text):
        self.problems.append(text)

    # --- the files ---

    def drawn(self, entry):
        """Is it one of the states that spool(5) has a drawing of?"""
        names = entry.suffixes()
        if names in spooldir.WHOLE or names in spooldir.LITTER:
            return True
        return bool(self.scenario.boxes) and names == {"envelope"}

    def structure(self, crashed):
        for entry in self.lab.entries():
            if not self.loose and not self.drawn(entry):
                self.wrong(f"not in the drawing: {entry}")
            if not crashed and entry.suffixes() in spooldir.LITTER and \
                    not self.is_shared(entry):
                self.wrong(f"litter: {entry}")
            for suffix in entry.states():
                self.read(entry, suffix)

    def is_shared(self, entry):
        return any(e.ident == entry.ident and e.box
                   for e in self.lab.entries())

    def read(self, entry, suffix):
        try:
            return spooldir.Envelope(entry.files[suffix])
        except (ValueError, KeyError) as error:
            self.wrong(f"{entry}: {error}")

    def bury_remnants(self, acked):
        """What a file system may leave that does not keep the order of names:
        an envelope without its text, of a message that all have got or that
        was never acknowledged. spool-check names it, and somebody removes it,
        as we do here."""
        got = Counter((self.recognise(text, "at the far end"), r)
                      for text, to in self.lab.sink.taken for r in to)
        for entry in self.lab.entries():
            message = self.scenario.message_of(entry.ident) or \
                next(iter(self.scenario.comes), None)
            # a report that has come to nothing is made again
            dead = not message or message.name in self.scenario.removes or \
                message in self.scenario.comes and not acked or \
                all(got[message.name, r] for r in message.wanted)
            for suffix in entry.states() if dead else ():
                if entry.text(suffix) is None and not entry.box:
                    os.unlink(os.path.join(self.lab.spool,
                                           f"{entry.ident}.{suffix}"))

    # --- who has what ---

    def recognise(self, text, where):
        """The name of the message that this is, whole."""
        if text is None:
            self.wrong(f"{where}: no text")
            return None
        if self.scenario.reports and b"multipart/report" in text:
            if not text.endswith(b"--\r\n"):
                self.wrong(f"{where}: the report is not whole")
            return "report"
        subject = re.search(rb"^Subject: (\S+)\r$", text, re.M)
        name = subject[1].decode() if subject else ""
        message = self.messages.get(name)
        if not message:
            self.wrong(f"{where}: not a message that we know")
            return None
        body = text.partition(b"\r\n\r\n")[2]
        while self.scenario.seen and body.endswith(b"seen\r\n"):
            body = body[:-6]
        if body != message.text.partition(b"\r\n\r\n")[2]:
            self.wrong(f"{where}: the text is not whole")
        elif self.scenario.seen and not text.endswith(b"seen\r\n") and \
                message in self.scenario.comes:
            self.wrong(f"{where}: the filter's work is missing")
        return name

    def at_sink(self):
        got = Counter()
        for text, recipients in self.lab.sink.taken:
            name = self.recognise(text, "at the far end")
            got.update((name, r) for r in recipients)
        return got

    def in_spool(self):
        got = Counter()
        entries = self.lab.entries()
        shared = {e.ident: e.files["content"] for e in entries
                  if not e.box and "content" in e.files}
        for entry in entries:
            for suffix in entry.states():
                envelope = self.read(entry, suffix)
                if not envelope:
                    continue
                name = self.recognise(entry.text(suffix, shared), entry)
                if entry.box:
                    whom = [entry.box + "/"]
                elif suffix == "envelope.local":
                    whom = envelope.local
                else:
                    whom = envelope.pending
                got.update((name, r) for r in whom)
        return got

    # --- the whole of it ---

    def clean(self):
        """Two days later, spool-check and smtp-send have been there."""
        self.lab.age()
        done, times = self.lab.tool("spool-check"), 1
        # what has gone from a sub-directory shows in the spool the next time
        while b"removed" in done.stdout or b"ready again" in done.stdout:
            done, times = self.lab.tool("spool-check"), times + 1
        if times > 3:
            self.wrong(f"spool-check has work for {times} times")
        if done.returncode not in (0, 65):
            self.wrong(f"spool-check: status {done.returncode}")
        self.left = done.stdout.decode()
        if self.scenario.reports:
            self.lab.tool(*self.scenario.program)
        if self.scenario.sends:
            self.drain()

    def drain(self):
        done = self.lab.drain()
        if done.returncode not in ((0, 69) if self.scenario.refuses else (0,)):
            self.wrong(f"smtp-send: status {done.returncode}: "
                       + done.stderr.decode())
        for entry in self.lab.entries():
            if entry.suffixes() & {"envelope", "envelope.busy"}:
                self.wrong(f"not sent in the end: {entry}")

    def allowed_litter(self, acked):
        """A client that has got no promise hands it in again: what some
        sub-directories have is named by spool-check, and no message."""
        return bool(self.scenario.boxes) and not acked

    def tidy(self, acked):
        if self.left and not self.allowed_litter(acked):
            self.wrong("spool-check: " + self.left)
        for entry in self.lab.entries():
            if entry.suffixes() in spooldir.WHOLE or self.is_shared(entry):
                continue
            if entry.box and entry.suffixes() == {"envelope"}:
                continue
            if not self.loose:
                self.wrong(f"left for good: {entry}")

    def gone(self, name, recipient):
        """May it be gone? Removal is named by message, or by sub-directory."""
        return name in self.scenario.removes or \
            recipient in self.scenario.removes

    def number(self, name, recipient, n, acked):
        coming = self.messages[name] in self.scenario.comes
        promised = name in acked or recipient in acked
        gone = self.gone(name, recipient)
        if n == 0 and (promised if coming else not gone):
            self.wrong(f"lost: {name} for {recipient}")
        if n > 0 and gone and promised:
            self.wrong(f"not gone: {name} for {recipient}")
        self.repeated(name, recipient, n, bool(self.lab.sink.taken))

    def repeated(self, name, recipient, n, sent):
        if n > 2 or n == 2 and not sent:
            self.wrong(f"there are {n}: {name} for {recipient}")
        elif n == 2:
            self.duplicates += 1

    def told(self, got):
        """Who is to be told of a failure is; the mark comes behind."""
        for recipient in self.scenario.reports:
            if got["report", recipient] == 0:
                self.wrong(f"{recipient} is not told")
            self.repeated("report", recipient, got["report", recipient], True)

    def judge(self, run, crashed):
        """What is wrong with what a run has left behind."""
        acked = self.scenario.acked(run)
        self.structure(crashed or self.scenario.litter)
        if self.scenario.program[0] == "smtp-send" and not run.signal and \
                run.status == 0:
            self.all_sent()
        self.clean()
        if self.scenario.boxes and not acked:
            self.forget_textless()
        got = self.at_sink() + self.in_spool()
        self.tidy(acked)
        for name, message in self.messages.items():
            for recipient in message.wanted:
                self.number(name, recipient, got[name, recipient], acked)
        self.told(got)
        # to fail there tells that the message is sent
        if self.duplicates and run.error and (
                run.hit in HARMLESS or run.error == "EINTR"):
            self.wrong(f"twice, and {run.hit} is no reason for that")
        return self.problems

    def all_sent(self):
        """An smtp-send that ends with 0 has left nothing to do."""
        for entry in self.lab.entries():
            if entry.suffixes() & {"envelope", "envelope.busy"}:
                self.wrong(f"status 0, but not sent: {entry}")

    def forget_textless(self):
        """Envelopes in sub-directories whose receiver has died."""
        entries = self.lab.entries()
        texts = {e.ident for e in entries if "content" in e.files}
        for e in entries:
            if e.box and e.suffixes() == {"envelope"} and \
                    e.ident not in texts:
                os.unlink(os.path.join(self.lab.spool, e.box,
                                       e.ident + ".envelope"))

    # --- when nothing has died ---

    def manners(self, run):
        """A fault is answered by 4xx or a clear exit."""
        if run.signal:
            self.wrong(f"died of signal {run.signal}")
        elif run.status not in CLEAR_EXITS:
            self.wrong(f"exit status {run.status}")
        said = run.out.split(b"\r\n")
        refused = any(re.match(rb"^4\d\d ", line) for line in said)
        for line in said:
            if re.match(rb"^5\d\d ", line) and not (
                    refused and OUT_OF_STEP.match(line)):
                self.wrong("said: " + line.decode())
