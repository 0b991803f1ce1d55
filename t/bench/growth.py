# SPDX-License-Identifier: ISC
"""How cost grows with what there is: each figure against the first of its
series. doc/growth.svg is made of these rows, see t/bench/plot."""
import contextlib
import os
import socket
import subprocess
import time

from lab import AS_ROOT, Failed, Point, row
from popping import pop3_serve_of, session
from receiving import smtp_recv
from sending import our_sink
from spools import SMALL, deferred, place, text

SPOOLED = (1, 100, 1_000, 10_000, 100_000)      # messages
SIZES = (1 << 10, 1 << 20, 10 << 20, 100 << 20) # octets
RECIPIENTS = (1, 10, 100, 1_000)
FRESH = 500             # messages that come to those that are there
APART = 500_000         # their numbers begin here


def curves(bench, values, *series):
	"""series: a name, what gives the figure for a value, and the aim if it
	is not that of the row."""
	return [(Point(name, n), lambda measure=measure, n=n: measure(bench, n),
		*aim) for name, measure, *aim in series for n in values]


# --- messages a second, with so many in the spool that are not due ---

def envelopes(spool):
	with os.scandir(spool) as entries:
		return {e.name.removesuffix(".envelope") for e in entries
			if e.name.endswith(".envelope")}


def put_away(bench, spool, ids):
	"""Not removed: see Bench.spool."""
	away = os.path.join(bench.work, "away")
	os.makedirs(away, exist_ok=True)
	for i in ids:
		for suffix in (".envelope", ".content"):
			os.rename(f"{spool}/{i}{suffix}", f"{away}/{i}{suffix}")


def received(bench, n):
	spool = deferred(bench, n)
	before = envelopes(spool)
	argv = [a.replace("SPOOL", spool) for a in smtp_recv(bench)]
	with bench.under_tcpserver(argv) as (_, port):
		seconds = bench.load(port, messages=FRESH, sessions=10,
			per_connection=50, size=SMALL)
	fresh = envelopes(spool) - before
	put_away(bench, spool, fresh)
	if len(fresh) != FRESH:
		raise Failed(f"{FRESH} messages were sent, {len(fresh)} came")
	return FRESH / seconds


def smtp_send(bench, spool, port):
	return [bench.ours("smtp-send"), f"--spool-dir={spool}",
		f"--forward-to=127.0.0.1:{port}", *AS_ROOT]


def forwarded(bench, n, by_id):
	spool = deferred(bench, n)
	before = envelopes(spool)
	place(spool, FRESH, size=SMALL, first=APART)
	ids = sorted(envelopes(spool) - before) if by_id else []
	with our_sink(bench, FRESH) as port:
		_, seconds = bench.run(smtp_send(bench, spool, port) + ids,
			os.EX_OK if by_id else os.EX_TEMPFAIL)
	if envelopes(spool) != before:
		raise Failed("smtp-send has not sent what it had to")
	return FRESH / seconds


@row("grow-receive", "messages/s", ">= 0.9", rounds=3)
def grow_receive(bench):
	return curves(bench, SPOOLED, ("received", received))


@row("grow-forward", "messages/s", ">= 0.9", rounds=3)
def grow_forward(bench):
	return curves(bench, SPOOLED,
		("by id", lambda b, n: forwarded(b, n, True)),
		# which looks at the names of all
		("in a pass", lambda b, n: forwarded(b, n, False), ""))


# --- memory at its most, in KiB ---

@contextlib.contextmanager
def peak(bench):
	"""What to put before a command, and a function that gives its figure
	when it has ended."""
	path = os.path.join(bench.work, "peak")

	def figure():
		for _ in range(500):
			with contextlib.suppress(OSError, ValueError):
				with open(path) as f:
					return int(f.read())
			time.sleep(0.02)
		raise Failed("a program has not ended")
	try:
		yield [bench.tool("peak"), path], figure
	finally:
		with contextlib.suppress(FileNotFoundError):
			os.remove(path)


def of_session(bench, argv, visit):
	"""Of a server for one connection, while visit(port)."""
	with peak(bench) as (before, figure):
		with bench.under_tcpserver(before + argv) as (_, port):
			visit(port)
			return figure()


def of_command(bench, argv, status=0):
	with peak(bench) as (before, figure):
		bench.run(before + argv, status, stdout=subprocess.DEVNULL)
		return figure()


def receives_size(bench, size, **how):
	with bench.spool() as spool:
		argv = [a.replace("SPOOL", spool) for a in smtp_recv(bench)]
		return of_session(bench, argv, lambda port:
			bench.load(port, size=size, **how))


def sends_size(bench, size):
	with bench.spool() as spool, our_sink(bench, 1) as port:
		place(spool, 1, size=size)
		return of_command(bench, smtp_send(bench, spool, port))


def serves_size(bench, size):
	with bench.spool() as spool:
		place(spool, 1, size=size)
		return of_session(bench, pop3_serve_of(bench, spool),
			lambda port: session(bench, port, 1, ["--retr=1"],
			size))


@row("grow-size", "KiB", "<= 2", rounds=1)
def grow_size(bench):
	return curves(bench, SIZES,
		("smtp-recv DATA", receives_size),
		("smtp-recv BDAT", lambda b, n: receives_size(b, n, bdat=True)),
		("smtp-send", sends_size),
		("pop3-serve", serves_size))


def looks(program, *options):
	return lambda bench, n: of_command(bench, [bench.ours(program),
		f"--spool-dir={deferred(bench, n)}", *options])


@row("grow-memory", "KiB", "<= 1.1", rounds=1)
def grow_memory(bench):
	return curves(bench, SPOOLED,
		# has no more than some thousands in its hands
		("spool-list", looks("spool-list"), "<= 3"),
		("spool-list -q", looks("spool-list", "-q"), "<= 3"),
		("spool-check", looks("spool-check", *AS_ROOT)),
		("smtp-send", lambda b, n: of_command(b,
			smtp_send(b, deferred(b, n), 1), os.EX_TEMPFAIL)),
		# has to know what number is which message
		("pop3-serve", lambda b, n: of_session(b,
			pop3_serve_of(b, deferred(b, n)),
			lambda port: session(b, port, n, [])), ""))


# --- one message for many: ms for each of them ---

TURNS = 10              # messages


def addresses(n):
	return [f"recipient{i}@example.com" for i in range(n)]


def receives_for(bench, n):
	"""All that is to be said at once, and so many replies to it."""
	message = (b"MAIL FROM:<sender@example.com>\r\n" +
		b"".join(b"RCPT TO:<%s>\r\n" % a.encode()
			for a in addresses(n)) + b"DATA\r\n")
	with bench.spool() as spool:
		argv = [a.replace("SPOOL", spool) for a in smtp_recv(bench)]
		with bench.under_tcpserver(argv) as (_, port):
			with socket.create_connection(("127.0.0.1", port),
					timeout=60) as s, s.makefile("rb") as f:
				hear(f, b"220")
				ask(s, f, b"EHLO load.example.com\r\n", b"250")
				before = time.perf_counter()
				for _ in range(TURNS):
					ask(s, f, message, b"250", n + 1)
					hear(f, b"354")
					ask(s, f, text(SMALL) + b".\r\n",
						b"250")
				seconds = time.perf_counter() - before
	return 1000 * seconds / TURNS / n


def hear(f, code, n=1):
	"""So many replies, of one line or many."""
	while n > 0:
		line = f.readline()
		if not line.startswith(code):
			raise Failed(f"smtp-recv has said {line}")
		n -= line[3:4] == b" "


def ask(s, f, what, code, n=1):
	s.sendall(what)
	hear(f, code, n)


def sends_for(bench, n):
	with bench.spool() as spool, our_sink(bench, TURNS) as port:
		place(spool, TURNS, size=SMALL, recipients=addresses(n))
		_, seconds = bench.run(smtp_send(bench, spool, port))
	return 1000 * seconds / TURNS / n


@row("grow-recipients", "ms/recipient", "<= 1")
def grow_recipients(bench):
	return curves(bench, RECIPIENTS,
		("received", receives_for), ("forwarded", sends_for))
