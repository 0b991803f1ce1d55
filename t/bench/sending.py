# SPDX-License-Identifier: ISC
"""Mail goes out."""
import contextlib
import os
import socket
import time

import forwarding
from forwarding import forwarded
from lab import AS_ROOT, Absent, Failed, Noted, installed, row
from spools import RECIPIENT, SENDER, place, put_file, text
from world import free_port, world


def of_postfix(bench, argv):
	"""A program that comes with Postfix: the machine's, or the other's."""
	try:
		return [installed(argv[0])] + argv[1:]
	except Absent:
		return world(bench, "postfix").command(argv)


# Where mail is sent to: a way to start it, and a check of what it has got.

@contextlib.contextmanager
def our_sink(bench, messages, delay_ms=0, away_ms=0):
	argv = [bench.tool("sink"), f"--delay-ms={delay_ms}",
		f"--away-ms={away_ms}", "--chunking"]
	with bench.serving(argv) as (p, port):
		yield port
		p.terminate()
		count = p.stdout.read().decode()
		if f" {messages} messages," not in count:
			raise Failed(f"not {messages} messages, but {count}")


@contextlib.contextmanager
def smtp_sink(bench, _messages):
	port = free_port()
	user = ["-u", "nobody"] if AS_ROOT else []
	argv = ["smtp-sink", *user, f"127.0.0.1:{port}", "100"]
	with bench.started(of_postfix(bench, argv)) as p:
		for _ in range(100):
			with contextlib.suppress(OSError):
				socket.create_connection(
					("127.0.0.1", port)).close()
				break
			if p.poll() is not None:
				break
			time.sleep(0.05)
		yield port


def smtp_send(bench, sink, n, *options):
	with bench.spool() as spool, sink as port:
		place(spool, n)
		_, seconds = bench.run([bench.ours("smtp-send"),
			f"--spool-dir={spool}",
			f"--forward-to=127.0.0.1:{port}", *options] + AS_ROOT)
		if any(n.startswith("emailrelay.") for n in os.listdir(spool)):
			raise Failed("smtp-send has left messages behind")
	return n / seconds


def load(bench, sink, n):
	with sink as port:
		return n / bench.load(port, messages=n, per_connection=n,
			size=4096, pipeline=True)


def smtp_source(bench, sink, n):
	argv = of_postfix(bench, ["smtp-source", "-d", "-l", "4096",
		"-m", str(n), "-f", SENDER, "-t", RECIPIENT])
	with sink as port:
		_, seconds = bench.run(argv + [f"inet:127.0.0.1:{port}"])
	return n / seconds


def one_by_one(bench, sink, n):
	"""msmtp keeps nothing: a process for each message."""
	argv = [installed("msmtp"), "--host=127.0.0.1", "-f", SENDER]
	loop = 'n=$1; shift; for i in $(seq "$n"); do "$@" <TEXT || exit; done'
	with bench.spool() as path, sink as port:
		put_file(f"{path}/text", text(4096), None)
		_, seconds = bench.run(["sh", "-c",
			loop.replace("TEXT", f"{path}/text"), "sh", str(n),
			*argv, f"--port={port}", RECIPIENT])
	return n / seconds


def line_by_line(bench, sink, n):
	with sink as port:
		seconds = bench.load(port, messages=n, per_connection=n,
			size=4096, line_by_line=True)
	return Noted(n / seconds, "as E-MailRelay")


def others(bench, n, few, delay_ms, times):
	"""Who sends one message after another, too; few if a message takes
	long. Times E-MailRelay is the aim."""
	def sink(messages):
		return our_sink(bench, messages, delay_ms)
	return [
		("Postfix, 1 session", lambda: forwarded(bench, n,
			forwarding.postfix, 1, delay_ms=delay_ms), "> 1"),
		("nullmailer", lambda: forwarded(bench, few,
			forwarding.nullmailer, delay_ms=delay_ms), "> 1"),
		("msmtp: no spool", lambda: one_by_one(bench, sink(few), few)),
		("a write a line, Nagle",
			lambda: line_by_line(bench, sink(few), few), times),
	]


@row("send", "messages/s")
def send(bench, n=2000):
	return [
		("smtp-send", lambda: smtp_send(bench, our_sink(bench, n), n)),
		("load: no spool", lambda: load(bench, our_sink(bench, n), n)),
		("smtp-source: no spool",
			lambda: smtp_source(bench, our_sink(bench, n), n)),
		("smtp-send to smtp-sink",
			lambda: smtp_send(bench, smtp_sink(bench, n), n)),
		*others(bench, 1000, 50, 0, ">= 50"),
	]


# Most of it is waiting, and takes the same time in each round.
@row("send-20ms", "messages/s", rounds=3)
def send_20ms(bench, n=40):
	return [
		("smtp-send",
			lambda: smtp_send(bench, our_sink(bench, n, 20), n)),
		("load: no spool",
			lambda: load(bench, our_sink(bench, n, 20), n)),
		*others(bench, 20, 10, 20, "> 1"),
	]


# Several sessions at once: as many as Postfix has if it is not told otherwise.
JOBS = 20


def many(name, n, delay_ms, rounds):
	def contenders(bench):
		return [
			(f"smtp-send --jobs={JOBS}", lambda: smtp_send(bench,
				our_sink(bench, n, delay_ms), n,
				f"--jobs={JOBS}")),
			("Postfix", lambda: forwarded(bench, n,
				forwarding.postfix, JOBS, delay_ms=delay_ms)),
		]
	row(name, "messages/s", "> 1", rounds)(contenders)


many("send-jobs", 1000, 0, rounds=5)
many("send-20ms-jobs", 400, 20, rounds=3)


# A smarthost that is 20 ms away: all that there is to do is to wait for it, and
# a message that goes by BDAT takes one turn of it.
AWAY_MS = 20


def far(jobs, n):
	def contenders(bench):
		options = [f"--jobs={jobs}"] if jobs > 1 else []
		ideal = jobs * 1000 / AWAY_MS
		return [
			("smtp-send", lambda: smtp_send(bench, our_sink(bench,
				n, away_ms=AWAY_MS), n, *options)),
			(f"a turn of {AWAY_MS} ms each", lambda: ideal),
		]
	row(f"far-{jobs}", "messages/s", ">= 0.9")(contenders)


far(1, 500)
far(10, 5_000)
far(20, 10_000)
