# SPDX-License-Identifier: ISC
"""An SMTP server in a thread, that remembers what it has taken.

What it says is in the addresses and texts: recipients called no-... are
refused for good, later-... for now, and a text with `X-Say: CODE` gets that
code behind its dot. With `most` it takes no more recipients at once. A
lenient one takes everything.
"""
import re
import socket
import threading

CRLF = b"\r\n"


class Sink:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.change = threading.Condition()
        self.active = 0
        self.reset()
        threading.Thread(target=self.accept, daemon=True).start()

    def reset(self, lenient=False, most=100, chunking=False):
        self.lenient, self.most, self.chunking = lenient, most, chunking
        self.taken = []         # (text, [recipient...])

    def accept(self):
        while True:
            sock = self.listener.accept()[0]
            with self.change:
                self.active += 1
            threading.Thread(target=self.serve, args=(sock,),
                             daemon=True).start()

    def serve(self, sock):
        try:
            with sock, sock.makefile("rb") as lines:
                Session(self, sock, lines).run()
        except OSError:
            pass
        with self.change:
            self.active -= 1
            self.change.notify_all()

    def quiet(self):
        """Wait until all clients have gone."""
        with self.change:
            if not self.change.wait_for(lambda: self.active <= 0, 20):
                raise RuntimeError("a connection to the sink does not end")


class Session:
    def __init__(self, sink, sock, lines):
        self.sink, self.sock, self.lines = sink, sock, lines
        self.recipients, self.text = [], b""

    def say(self, line):
        self.sock.sendall(line.encode() + CRLF)

    def run(self):
        self.say("220 sink ESMTP")
        while True:
            line = self.lines.readline()
            if not line.endswith(CRLF):
                return
            verb, _, arg = line.decode().strip().partition(" ")
            if getattr(self, "do_" + verb.lower())(arg):
                return

    def do_ehlo(self, _):
        extra = "250-CHUNKING\r\n" if self.sink.chunking else ""
        self.say("250-sink\r\n250-PIPELINING\r\n" + extra + "250 8BITMIME")

    def do_mail(self, _):
        self.recipients, self.text = [], b""
        self.say("250 2.1.0 ok")

    do_rset = do_mail

    def do_rcpt(self, arg):
        address = re.search("<(.*?)>", arg)[1]
        if self.sink.lenient:
            self.recipients.append(address)
            self.say("250 2.1.5 ok")
        elif address.startswith("no-"):
            self.say("550 5.1.1 no such user")
        elif address.startswith("later-"):
            self.say("450 4.2.1 mailbox busy")
        elif len(self.recipients) >= self.sink.most:
            self.say("452 4.5.3 too many recipients")
        else:
            self.recipients.append(address)
            self.say("250 2.1.5 ok")

    def do_data(self, _):
        if not self.recipients:
            self.say("554 5.5.1 no recipients")
            return
        self.say("354 go on")
        text = []
        while (line := self.lines.readline()) != b"." + CRLF:
            if not line.endswith(CRLF):
                raise OSError("cut off")
            text.append(line[1:] if line.startswith(b".") else line)
        self.text = b"".join(text)
        self.finish()

    def do_bdat(self, arg):
        size, *last = arg.split()
        chunk = self.lines.read(int(size))
        if len(chunk) < int(size):
            raise OSError("cut off")
        self.text += chunk
        if not last:
            self.say("250 2.0.0 ok")
        elif self.recipients:
            self.finish()
        else:
            self.say("554 5.5.1 no recipients")

    def finish(self):
        code = re.search(rb"^X-Say: (\d+)", self.text, re.M)
        if code and not self.sink.lenient:
            self.say(code[1].decode() + " 4.0.0 as you say")
            return
        # it is ours before the other side knows
        self.sink.taken.append((self.text, self.recipients))
        subject = re.search(rb"^Subject: (\S+)", self.text, re.M)
        name = subject[1].decode() if subject else "?"
        self.say(f"250 2.0.0 took {name} for {' '.join(self.recipients)}")
        self.recipients, self.text = [], b""

    def do_quit(self, _):
        self.say("221 2.0.0 bye")
        return True
