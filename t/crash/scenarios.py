# SPDX-License-Identifier: ISC
"""The table: which program, with what in the spool, is disturbed.

What a crash may bring twice is counted by calls, in `window`: those between
the far end's having the message and our having noted that.
"""
import re
from dataclasses import dataclass, field

from spooldir import envelope


@dataclass(frozen=True)
class Message:
    name: str                   # its subject
    to: tuple = ()              # remote recipients
    local: tuple = ()
    boxes: tuple = ()           # sub-directories that each get a copy
    say: str = ""               # what the sink says to its text

    @property
    def text(self):
        say = f"X-Say: {self.say}\r\n" if self.say else ""
        return (f"Subject: {self.name}\r\n{say}\r\n"
                f".text of {self.name}\r\n").encode()

    @property
    def wanted(self):
        """Everybody who has to get it."""
        return [*self.to, *self.local, *(f"{b}/" for b in self.boxes)]


@dataclass(frozen=True)
class Placed:
    """Part of a message in the spool before the program starts."""
    message: Message
    suffix: str = "envelope"    # None: only a text
    text: bool = True
    box: str = ""
    journal: bytes = b""
    cut: bool = False           # the envelope is not all written
    had: tuple = ()             # recipients who have got it before

    def files(self, n):
        where = f"{self.box}/" if self.box else ""
        ident = f"{where}emailrelay.1.100.{n}"
        found = {}
        if self.text:
            found[ident + ".content"] = self.message.text
        if self.suffix:
            text = envelope(self.had + self.message.to, self.message.local)
            found[f"{ident}.{self.suffix}"] = \
                text[:60] if self.cut else text + self.journal
        return found


@dataclass
class Scenario:
    name: str
    program: list
    stdin: bytes = b""
    comes: list = field(default_factory=list)   # what a client hands in
    there: list = field(default_factory=list)   # what is Placed before
    ids: list = field(default_factory=list)     # their numbers, if not 1 2 3
    boxes: list = field(default_factory=list)
    # Run -> names of messages, or recipients, of which the program has said
    # that it is done
    acked: object = lambda run: []
    removes: tuple = ()         # those that acked says are gone for good
    seen: bool = False          # a filter adds a line to the text
    sink: dict = field(default_factory=dict)
    sends: bool = False         # what is ready in the end is sent to the sink
    window: int = 0             # calls at which a crash makes a message come
                                # twice
    litter: bool = False        # a text that cannot be removed stays, as
                                # it may: spool-check does it later
    lax: bool = False           # a filter syncs nothing, as if it did
    reports: tuple = ()         # who is told of a failure, by a message of
                                # ours: once, when cron has run it again

    def placed(self):
        """[(number of the id, Placed)]"""
        return list(zip(self.ids or range(1, len(self.there) + 1),
                        self.there))

    def files(self):
        found = {}
        for n, placed in self.placed():
            found.update(placed.files(n))
        return found

    def message_of(self, ident):
        """Of those that were there."""
        for n, placed in self.placed():
            if ident == f"emailrelay.1.100.{n}":
                return placed.message
        return None

    @property
    def refuses(self):
        """Will the far end say no?"""
        return any(m.say.startswith("5") or r.startswith("no-")
                   for m in self.messages for r in m.to)

    @property
    def messages(self):
        """Those that are there at the start and must not be lost."""
        kept = [p.message for p in self.there
                if p.suffix not in (None, "envelope.new")]
        return list(dict.fromkeys(self.comes + kept))


# --- what clients say ---

def smtp(*lines, data=None):
    text = "\r\n".join(["EHLO c.test", "MAIL FROM:<me@a.test>", *lines, ""])
    return text.encode() + (data or b"") + b"QUIT\r\n"


def by_data(message):
    to = [f"RCPT TO:<{a}>" for a in message.local + message.to]
    return smtp(*to, "DATA", data=message.text.replace(b"\r\n.", b"\r\n..")
                + b".\r\n")


def by_bdat(message):
    text = message.text
    chunks = [b"BDAT 9\r\n" + text[:9],
              b"BDAT %d LAST\r\n" % (len(text) - 9) + text[9:]]
    return smtp(*[f"RCPT TO:<{a}>" for a in message.to],
                data=b"".join(chunks))


def pop(*commands):
    return "\r\n".join(["USER bob", "PASS pass", *commands, "QUIT",
                        ""]).encode()


# --- what a promise looks like ---

def queued(*recipients):
    """The recipients of whom the client knows that they will get it; all of
    them are asked for, behind MAIL."""
    def acked(run):
        replies = re.findall(rb"^(\d\d\d) (.*)\r$", run.out, re.M)
        if not any(text.startswith(b"2.0.0 OK") for _, text in replies):
            return []
        mail = [text for _, text in replies].index(b"2.1.0 OK")
        codes = [code for code, _ in replies[mail + 1:]]
        return [r for r, code in zip(recipients, codes) if code == b"250"]
    return acked


def exit_0(*names):
    return lambda run: names if run.status == 0 else []


def all_ok(number, *names):
    """As many +OK lines, of which the last is that to QUIT."""
    return lambda run: names if run.out.count(b"+OK") == number else []


def printed(**ids):
    def acked(run):
        if run.status != 0:
            return []
        lines = run.out.decode().splitlines()
        return [name for name, n in ids.items()
                if f"emailrelay.1.100.{n}" in lines]
    return acked


ONE = Message("one", ("b@b.test", "c@b.test"))
TWO = Message("two", ("b@b.test",))
THREE = Message("three", ("c@b.test",))
MIXED = Message("one", ("b@b.test",), ("local-1",))
LOCAL = Message("one", (), ("local-1",))
BOXED = Message("one", (), (), ("bob", "joe"))
BOXES = ["bob", "joe"]
SEND = ["smtp-send", "--forward-to=127.0.0.1:{port}"]
POP = ["pop3-serve", "--pop-auth={work}/secrets", "--no-syslog"]
RECV = ["smtp-recv", "--domain=mx.test", "--no-syslog"]
JUDGED = [*RECV, "--verifier={work}/verifier", "--filter={work}/filter"]


def at_local(message, *local):
    """As the client names them: the verifier makes boxes of them."""
    named = Message(message.name, message.to,
                    tuple(f"{a}@b.test" for a in local))
    return by_data(named)


def receiving():
    handed = Message("one", ("bob@b.test", "joe@b.test"))
    one, boxed = queued(*ONE.to), queued("bob/", "joe/")
    return [
        Scenario("data", RECV, by_data(ONE), [ONE], acked=one),
        Scenario("bdat", RECV, by_bdat(ONE), [ONE], acked=one),
        Scenario("filter", [*RECV, "--filter={work}/filter"], by_data(ONE),
                 [ONE], acked=one, seen=True),
        Scenario("local", JUDGED, at_local(MIXED, "local-1"), [MIXED],
                 acked=queued("local-1", "b@b.test"), seen=True),
        Scenario("only-local", JUDGED, at_local(LOCAL, "local-1"), [LOCAL],
                 acked=queued("local-1"), seen=True),
        Scenario("filter-copy", [*RECV, "--filter={bin}/filter-copy"],
                 by_data(handed), [BOXED], acked=boxed, boxes=BOXES),
        Scenario("filter-deliver", [*RECV, "--filter={bin}/filter-deliver"],
                 by_data(handed), [BOXED], acked=boxed, boxes=BOXES),
        Scenario("submit", ["spool-submit", "--from=me@a.test", *ONE.to],
                 ONE.text, [ONE], acked=exit_0("one")),
        Scenario("immediate", [*RECV, "--immediate",
                               "--forward-to=127.0.0.1:{port}"],
                 by_data(ONE), [ONE], acked=one, sends=True, window=14),
        Scenario("onward", [*RECV, "--forward-on-disconnect",
                            "--forward-to=127.0.0.1:{port}"],
                 by_data(ONE), [ONE], acked=one, sends=True, window=8),
    ]


def sending():
    defer = Message("one", ("b@b.test",), say="451")
    refuse = Message("one", ("b@b.test",), say="554")
    some = Message("one", ("b@b.test", "no-1@b.test", "later-1@b.test"))
    three = Message("one", ("b@b.test", "c@b.test", "d@b.test"))
    stale = Placed(TWO, "envelope.busy", had=("had@b.test",),
                   journal=b"X-Sluice-Done: <had@b.test> 250 ok\r\n")
    return [
        Scenario("send", SEND, there=[Placed(ONE), Placed(TWO)], sends=True,
                 window=10),
        Scenario("send-chunks", SEND, there=[Placed(ONE)], sends=True,
                 sink={"chunking": True}, window=6),
        Scenario("send-deferred", SEND, there=[Placed(defer)], sends=True),
        Scenario("send-refused", SEND, there=[Placed(refuse)], sends=True),
        Scenario("send-some", [*SEND, "--forward-to-some"],
                 there=[Placed(some)], sends=True, window=8),
        Scenario("send-singly", SEND, there=[Placed(three)], sends=True,
                 sink={"most": 1}, window=18),
        Scenario("send-stale", SEND, there=[stale], sends=True, window=5),
        Scenario("send-filter", [*SEND, "--client-filter={work}/filter"],
                 there=[Placed(ONE)], sends=True, seen=True, window=16,
                 lax=True),
        Scenario("send-jobs", [*SEND, "--jobs=2"],
                 there=[Placed(ONE), Placed(TWO), Placed(THREE)], sends=True,
                 window=40),
    ]


def reading():
    bob, both = Message("one", (), (), ("bob",)), BOXED
    return [
        # one that cannot be looked at is not in the list: so all that are
        Scenario("pop", POP, pop("DELE 1", "DELE 2"),
                 there=[Placed(ONE), Placed(TWO),
                        Placed(THREE, "envelope.hold")],
                 acked=all_ok(6, "one", "two"), removes=("one", "two"),
                 litter=True),
        Scenario("pop-by-name", [*POP, "--pop-by-name"], pop("DELE 1"),
                 there=[Placed(bob, box="bob")], boxes=BOXES,
                 acked=all_ok(5, "one"), removes=("one",), litter=True),
        Scenario("pop-shared", [*POP, "--pop-by-name"], pop("DELE 1"),
                 there=[Placed(both, None),
                        Placed(both, box="bob", text=False),
                        Placed(both, box="joe", text=False)],
                 ids=[1, 1, 1], boxes=BOXES,
                 acked=all_ok(5, "bob/"), removes=("bob/",), litter=True),
    ]


def mending():
    bad = b"X-MailRelay-Reason: no\r\nX-MailRelay-ReasonCode: 550\r\n"
    later = b"X-Sluice-Deferred: 1 3999999999 no\r\n"
    return [
        Scenario("retry", ["spool-retry", "--all"],
                 there=[Placed(ONE, "envelope.bad", journal=bad),
                        Placed(TWO, journal=later)], sends=True),
        Scenario("hold", ["spool-hold", "emailrelay.1.100.1"],
                 there=[Placed(ONE), Placed(TWO)]),
        Scenario("release", ["spool-hold", "--release", "--all"],
                 there=[Placed(ONE, "envelope.hold"),
                        Placed(TWO, "envelope.hold")]),
        Scenario("remove", ["spool-remove", "emailrelay.1.100.1",
                            "emailrelay.1.100.2"],
                 there=[Placed(ONE), Placed(TWO, "envelope.bad"),
                        Placed(THREE)],
                 acked=printed(one=1, two=2), removes=("one", "two"),
                 litter=True),
        Scenario("check", ["spool-check", "--age=60"],
                 there=[Placed(ONE), Placed(TWO, "envelope.busy"),
                        Placed(Message("four", ("b@b.test",)), "envelope.new",
                               cut=True),
                        Placed(Message("five"), None)],
                 litter=True),
        Scenario("bounce", ["spool-bounce", "--all"],
                 there=[Placed(ONE, "envelope.bad", journal=bad),
                        Placed(TWO)],
                 reports=("me@a.test",), window=6),
        Scenario("unfail", ["admin-cmd", "unfail-all"],
                 there=[Placed(ONE, "envelope.bad", journal=bad),
                        Placed(TWO, "envelope.bad", journal=bad)],
                 sends=True),
    ]


def table():
    return receiving() + sending() + reading() + mending()
