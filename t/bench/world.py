# SPDX-License-Identifier: ISC
"""Other people's servers: their Debian packages, as .ci/setup bench has left
them, are unpacked over a copy of / (see t/bench/world). The network is ours,
and /bench there is bench.work, so that a disk is the same disk for all."""
import contextlib
import glob
import os
import socket
import subprocess
import tempfile
import time

from lab import Absent, Failed

PACKAGES = os.environ.get("SLUICE_PEERS", "/var/cache/sluice-peers")
ROOT = "/mnt/root"
PATIENCE = 20           # seconds for a server to start


def packages():
	return (glob.glob(f"{PACKAGES}/*.deb") +
		glob.glob(f"{PACKAGES}/bench/*.deb"))


def world(bench, *wanted):
	"""The one of this bench, made when first needed, with these packages."""
	if os.geteuid() != 0:
		raise Absent("needs root")
	names = {os.path.basename(p).split("_")[0] for p in packages()}
	for package in wanted:
		if package not in names:
			raise Absent(f"{package} is not installed")
	if not bench.world:
		bench.world = bench.stack.enter_context(made(bench))
	return bench.world


@contextlib.contextmanager
def made(bench):
	os.chmod(bench.work, 0o755)     # for users of theirs
	here = os.path.dirname(os.path.abspath(__file__))
	argv = ["unshare", "-m", f"{here}/world", bench.work, *packages()]
	with held(bench, argv) as p:
		if p.stdout.readline() != b"ready\n":
			raise Absent("has no world to be in")
		yield World(bench, p.pid)


@contextlib.contextmanager
def held(bench, argv):
	"""A process that goes when its stdin ends, be it that we die."""
	p = subprocess.Popen(argv, stdin=subprocess.PIPE,
		stdout=subprocess.PIPE, stderr=bench.log, env=bench.env,
		start_new_session=True)
	try:
		yield p
	finally:
		p.stdin.close()
		p.stdout.close()
		p.wait()


# The first process of a namespace: with it all that is there goes. $1 is a
# shell's command to run before, the rest the server.
FIRST = f"""
mount -t proc proc {ROOT}/proc && eval "$1" || exit
shift
chroot {ROOT} "$@" >&2 &
read -r _
"""


class World:
	def __init__(self, bench, pid):
		self.bench = bench
		self.enter = ["nsenter", f"--mount=/proc/{pid}/ns/mnt"]

	def seen(self, path):
		"""How a path in bench.work is seen from there."""
		return "/bench/" + os.path.relpath(path, self.bench.work)

	def command(self, argv):
		return self.enter + ["chroot", ROOT] + argv

	def run(self, argv):
		"""Something that is not measured."""
		status = subprocess.run(self.command(argv),
			stdin=subprocess.DEVNULL, stdout=self.bench.log,
			stderr=self.bench.log, env=self.bench.env,
			check=False).returncode
		if status != 0:
			raise Failed(f"{argv[0]}: exit status {status}")

	def directory(self):
		"""One in bench.work, where it stays (see Bench.spool): its
		path, and how it is seen there."""
		path = tempfile.mkdtemp(prefix="peer.", dir=self.bench.work)
		os.chmod(path, 0o755)
		return path, self.seen(path)

	@contextlib.contextmanager
	def living(self, argv, before=":"):
		"""With all its children, whatever they have become; gives the
		path at which we see its /."""
		with held(self.bench, self.enter + ["unshare", "-mpf",
				"--kill-child", "sh", "-c", FIRST, "sh",
				before, *argv]) as p:
			yield f"/proc/{p.pid}/root{ROOT}"


def free_port():
	with socket.create_server(("127.0.0.1", 0)) as s:
		return s.getsockname()[1]


def wait_for_greeting(port):
	"""Somebody speaks on that port; SMTP, POP3, or what it may be."""
	until = time.monotonic() + PATIENCE
	while time.monotonic() < until:
		with contextlib.suppress(OSError):
			with socket.create_connection(("127.0.0.1", port),
					timeout=PATIENCE) as s:
				if s.recv(1):
					s.sendall(b"QUIT\r\n")
					while s.recv(1000):
						pass
					return
		time.sleep(0.02)
	raise Absent("does not start here")
