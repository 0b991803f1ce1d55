# SPDX-License-Identifier: ISC
"""What is in a spool directory, read as spool(5) has it."""
import os
import re

CRLF = b"\r\n"
NAME = re.compile(r"(emailrelay\.\d+\.\d+\.\d+)\."
                  r"(content|content\.local|envelope(?:\.[a-z]+)?)")
COMPLETE = re.compile(rb"X-MailRelay-End: 1\r?\n")

# The states of the drawing in spool(5), as sets of suffixes. A local copy is
# made under an id of its own, so its envelope can be there without a text.
SHORT = {"envelope": "", "envelope.new": "new", "envelope.busy": "busy",
         "envelope.bad": "bad", "envelope.hold": "hold",
         "envelope.local": "local"}
WHOLE = [{"content", "envelope"}, {"content", "envelope.busy"},
         {"content", "envelope.bad"}, {"content", "envelope.hold"},
         {"content.local", "envelope.local"}, {"content", "envelope.local"},
         {"content", "envelope", "content.local", "envelope.local"}]
LITTER = [{"content"}, {"content", "envelope.new"}, {"envelope.new"},
          {"content.local"}, {"content", "content.local"},
          {"content.local", "envelope.new"},
          {"content", "envelope.new", "content.local"},
          {"content", "envelope.new", "content.local", "envelope.local"}]


class Entry:
    """The files of one id in one directory: {suffix: octets}."""

    def __init__(self, box, ident):
        self.box = box
        self.ident = ident
        self.files = {}

    def suffixes(self):
        return set(self.files)

    def states(self):
        """The envelopes that are messages: not those still .new."""
        return [s for s in self.files
                if s.startswith("envelope") and s != "envelope.new"]

    def text(self, suffix, shared=None):
        if suffix == "envelope.local" and "content.local" in self.files:
            return self.files["content.local"]
        text = self.files.get("content")
        return shared.get(self.ident) if text is None and shared else text

    def __str__(self):
        where = f"{self.box}/" if self.box else ""
        return f"{where}{self.ident}: {', '.join(sorted(self.files))}"


class Envelope:
    """Raises ValueError for what no program of ours would leave behind."""

    def __init__(self, octets):
        end = COMPLETE.search(octets)
        if not end:
            raise ValueError("envelope is not whole")
        lines = octets[:end.end()].split(CRLF)
        fields = [line.split(b": ", 1) for line in lines if b": " in line]
        self.to = [v.decode() for k, v in fields
                   if k == b"X-MailRelay-To-Remote"]
        self.local = [v.decode() for k, v in fields
                      if k == b"X-MailRelay-To-Local"]
        count = int(dict(fields)[b"X-MailRelay-ToCount"])
        if count != len(self.to) + len(self.local):
            raise ValueError("envelope lacks recipients")
        # a journal line without its end does not count
        journal = octets[end.end():].split(b"\n")[:-1]
        self.done = [re.search(rb"<(.*?)>", line)[1].decode()
                     for line in journal if line.startswith(b"X-Sluice-Done:")]
        self.pending = [a for a in self.to if a not in self.done]


def entries(path, box=""):
    found = {}
    for name in os.listdir(path):
        match = NAME.fullmatch(name)
        if match:
            entry = found.setdefault(match[1], Entry(box, match[1]))
            with open(os.path.join(path, name), "rb") as file:
                entry.files[match[2]] = file.read()
    return list(found.values())


def boxes(path):
    return [d.name for d in os.scandir(path)
            if d.is_dir() and not d.name.startswith(".")]


def envelope(to, local=()):
    """The text of an envelope."""
    lines = ["Format: #2821.4", "Content: 7bit", "From: me@a.test",
             f"ToCount: {len(to) + len(local)}",
             *[f"To-Local: {a}" for a in local],
             *[f"To-Remote: {a}" for a in to], "Authentication: ",
             "Client: 127.0.0.1", "ClientName: ", "ClientCertificate: ",
             "End: 1"]
    return "".join(f"X-MailRelay-{line}\r\n" for line in lines).encode()
