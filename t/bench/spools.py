# SPDX-License-Identifier: ISC
"""Spool directories for the bench, and a look at what has become of them."""
import os
import time

from lab import Failed, progress

SENDER, RECIPIENT = "sender@example.com", "recipient@example.com"
SMALL = 2048            # octets of a message of which there are many


def text(size):
	"""Of so many octets, or some more."""
	line = b"The quick brown fox jumps over the lazy dog\r\n"
	return b"Subject: bench\r\n\r\n" + line * -(-size // len(line))


def place(spool, n, size=4096, due=None, first=0, recipients=(RECIPIENT,)):
	"""Put n messages there by hand, numbered from the first; with due they
	have been deferred."""
	envelope = "".join("X-MailRelay-" + line + "\r\n" for line in (
		"Format: #2821.4", "Content: 7bit", "From: " + SENDER,
		f"ToCount: {len(recipients)}",
		*("To-Remote: " + r for r in recipients), "Authentication: ",
		"Client: 127.0.0.1", "ClientName: ", "ClientCertificate: ",
		"End: 1"))
	if due:
		envelope += f"X-Sluice-Deferred: 1 {due} 451 later\r\n"
	content = text(size)
	now = int(time.time())
	for i in range(first, first + n):
		base = f"{spool}/emailrelay.{1 + i % 30000}.{now}.{i:06d}"
		put_file(base + ".content", content)
		put_file(base + ".envelope", envelope.encode(), due)


def put_file(name, data, mtime=None):
	fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660)
	os.write(fd, data)
	if mtime:
		os.utime(fd, (mtime, mtime))
	os.close(fd)


def check_spool(spool, messages, size):
	"""Has everything come, and in whole?"""
	done = whole = 0
	with os.scandir(spool) as entries:
		for e in entries:
			done += e.name.endswith(".envelope")
			whole += (e.name.endswith(".content") and
				e.stat().st_size >= size)
	if (done, whole) != (messages, messages):
		raise Failed(f"{messages} messages were acknowledged, "
			f"{whole} texts and {done} envelopes are there")


def deferred(bench, n):
	"""A directory with n messages that are not due, made when first
	needed, and left as it was found."""
	def make():
		progress(f"making {n} messages")
		spool = bench.directory("deferred.")
		place(spool, n, size=SMALL, due=int(time.time()) + 86400)
		return spool
	return bench.once(("deferred", n), make)

