# SPDX-License-Identifier: ISC
"""Mail servers that have a queue full of mail, and send it on."""
import contextlib
import os

from lab import Failed, TIME_LIMIT
from peers import postfix_command, write
from spools import RECIPIENT, SENDER, text
from world import free_port, wait_for_greeting, world

# --- each: a context in which it sends n messages to that port ---


@contextlib.contextmanager
def postfix(bench, sink, n, sessions):
	"""They wait in the queue of what is held, and are released at once."""
	there, port = world(bench, "postfix"), free_port()
	path, at = there.directory()
	argv, _ = postfix_command(there, path, at, port, f"""
smtpd_recipient_restrictions = static:HOLD
relayhost = [127.0.0.1]:{sink}
default_destination_concurrency_limit = {sessions}
initial_destination_concurrency = {sessions}
""")
	with there.living(argv):
		wait_for_greeting(port)
		bench.load(port, messages=n, sessions=10, per_connection=100)
		there.run(["postsuper", "-c", f"{at}/etc", "-H", "ALL"])
		there.run(["postqueue", "-c", f"{at}/etc", "-f"])
		yield


@contextlib.contextmanager
def nullmailer(bench, sink, n):
	"""They are there when it starts."""
	there, spool = world(bench, "nullmailer"), "/var/spool/nullmailer"
	path, at = there.directory()
	for name in ("queue", "tmp", "failed"):
		os.mkdir(f"{path}/{name}")
	os.mkfifo(f"{path}/trigger")
	message = f"{SENDER}\n{RECIPIENT}\n\n" + text(4096).decode()
	for i in range(n):
		write(f"{path}/queue/{1700000000 + i}.1",
			message.replace("\r", ""))
	write(f"{path}/remotes", f"127.0.0.1 smtp port={sink}\n")
	write(f"{path}/me", "nullmailer.test\n")
	there.run(["chown", "-R", "mail:mail", at])
	with there.living(["setpriv", "--reuid=mail", "--regid=mail",
			"--clear-groups", "nullmailer-send"], f"""
		cd /mnt/root && mkdir -p .{spool} etc/nullmailer &&
		cp .{at}/remotes .{at}/me etc/nullmailer &&
		mount --bind .{at} .{spool}"""):
		yield


def forwarded(bench, n, forwarder, *args, delay_ms=0):
	"""Messages a second, as they come to the sink: how long the server
	takes to start and to find its queue does not count."""
	argv = [bench.tool("sink"), f"--until={n}", f"--delay-ms={delay_ms}"]
	with bench.serving(argv) as (p, port):
		with forwarder(bench, port, n, *args):
			p.wait(TIME_LIMIT)
		count = p.stdout.read().decode()
	if f" {n} messages," not in count:
		raise Failed(f"not {n} messages, but {count}")
	return n / float(count.split()[-2])
