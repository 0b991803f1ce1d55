# SPDX-License-Identifier: ISC
"""Mail goes out."""
import contextlib
import os
import socket
import time

from lab import AS_ROOT, Failed, installed, row
from spools import RECIPIENT, SENDER, place

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
	with socket.create_server(("127.0.0.1", 0)) as s:
		port = s.getsockname()[1]
	argv = [installed("smtp-sink"), f"127.0.0.1:{port}", "100"]
	if AS_ROOT:
		argv[1:1] = ["-u", "nobody"]
	with bench.started(argv) as p:
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
	argv = [installed("smtp-source"), "-d", "-l", "4096", "-m", str(n),
		"-f", SENDER, "-t", RECIPIENT]
	with sink as port:
		_, seconds = bench.run(argv + [f"inet:127.0.0.1:{port}"])
	return n / seconds


@row("send", "messages/s")
def send(bench, n=2000):
	return [
		("smtp-send", lambda: smtp_send(bench, our_sink(bench, n), n)),
		("load: no spool", lambda: load(bench, our_sink(bench, n), n)),
		("smtp-source: no spool",
			lambda: smtp_source(bench, our_sink(bench, n), n)),
		("smtp-send to smtp-sink",
			lambda: smtp_send(bench, smtp_sink(bench, n), n)),
	]


@row("send-20ms", "messages/s")
def send_20ms(bench, n=200):
	return [
		("smtp-send",
			lambda: smtp_send(bench, our_sink(bench, n, 20), n)),
		("load: no spool",
			lambda: load(bench, our_sink(bench, n, 20), n)),
	]


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
