# SPDX-License-Identifier: ISC
"""Mail is read with POP3."""
import contextlib
import os
import re

from lab import AS_ROOT, progress, row
from spools import SMALL, deferred, put_file, text
from world import free_port, wait_for_greeting, world

TEXTS = 10_000          # the most that a session reads


def session(bench, port, n, options, size=SMALL):
	"""Seconds of STAT, LIST and RETR, as far as they were asked for."""
	out, _ = bench.run([bench.tool("popload"), f"--port={port}",
		"--user=reader", f"--messages={n}", f"--size={size}",
		*options])
	return {word: float(s) for s, word in
		re.findall(r"([\d.]+) ([A-Z]+)", out)}


def private(path, content):
	fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
	with open(fd, "w") as f:
		f.write(content)
	return path


def pop3_serve_of(bench, spool):
	secrets = private(os.path.join(bench.work, "pop-auth"),
		"server LOGIN reader secret\n")
	return [bench.ours("pop3-serve"), f"--spool-dir={spool}",
		f"--pop-auth={secrets}", *AS_ROOT]


@contextlib.contextmanager
def pop3_serve(bench, n):
	argv = pop3_serve_of(bench, deferred(bench, n))
	with bench.under_tcpserver(argv) as (_, port):
		yield port


# --- Dovecot: a maildir, as its own delivery agent leaves it. Its index has
# been made by a session before: the first one of a mailbox takes longer. ---

def maildir(bench, n):
	w = world(bench, "dovecot-core", "dovecot-pop3d")

	def make():
		progress(f"making a maildir of {n}")
		path = bench.directory("maildir.")
		for d in ("/cur", "/new", "/tmp"):
			os.mkdir(path + d)
		wire = text(SMALL)
		message = wire.replace(b"\r\n", b"\n")
		for i in range(n):
			put_file(f"{path}/cur/1700000000.M{i}P1.bench,"
				f"S={len(message)},W={len(wire)}:2,", message)
		own(w, path)
		with dovecot_at(bench, path) as port:
			session(bench, port, n, ["--list"])
		return path
	return bench.once(("maildir", n), make)


def own(w, path):
	w.run(["chown", "-R", "reader:reader", w.seen(path)])


def dovecot_settings(w, port, path):
	return f"""
protocols = pop3
listen = 127.0.0.1
base_dir = /run/dovecot
state_dir = /run/dovecot
log_path = {w.seen(path)}.log
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{w.seen(path)}
first_valid_uid = 1
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid=reader gid=reader home=/nonexistent
}}
service pop3-login {{
  process_limit = 250
  inet_listener pop3 {{
    port = {port}
  }}
}}
"""


@contextlib.contextmanager
def dovecot_at(bench, path):
	w = world(bench)
	port = free_port()
	conf = private(f"{path}.conf", dovecot_settings(w, port, path))
	with w.living(["dovecot", "-F", "-c", w.seen(conf)]):
		wait_for_greeting(port)
		yield port


def dovecot(bench, n):
	return dovecot_at(bench, maildir(bench, n))


# --- popa3d: an mbox. Who may log in is nothing that PAM has to think of. ---

def mbox(w, n):
	def make():
		progress(f"making an mbox of {n}")
		path = w.bench.directory("mbox.")
		message = text(SMALL).replace(b"\r\n", b"\n")
		with open(path + "/reader", "wb") as f:
			for _ in range(n):
				f.write(b"From a@a.test Sat Nov 28 12:00:00 "
					b"2026\n" + message + b"\n")
		own(w, path)
		# it waits for the end of the second in which mail has come
		os.utime(path + "/reader", (1.7e9, 1.7e9))
		return path
	return w.bench.once(("mbox", n), make)


@contextlib.contextmanager
def popa3d(bench, n):
	w = world(bench, "popa3d")
	path = w.seen(mbox(w, n))
	w.run(["sh", "-c", f"""
		for kind in auth account session
		do echo $kind required pam_permit.so
		done >/etc/pam.d/popa3d
		umount -q /var/mail
		mount --bind {path} /var/mail"""])
	with bench.under_tcpserver(["/usr/sbin/popa3d"],
			before=w.command([])) as (_, port):
		yield port


# --- all ---

def reader(bench, server, n, word, options):
	def measure():
		with server(bench, n) as port:
			return session(bench, port, n, options)[word]
	return measure


def add_row(name, n, word, options):
	def contenders(bench):
		return [(who, reader(bench, server, n, word, options))
			for who, server in (("pop3-serve", pop3_serve),
			("Dovecot", dovecot), ("popa3d", popa3d))]
	row(name, "s", "<= 1")(contenders)


for count, word in ((1_000, "1k"), (10_000, "10k"), (100_000, "100k")):
	texts = min(count, TEXTS)
	some = "" if texts == count else f"-{texts // 1000}k"
	add_row(f"pop-stat-{word}", count, "STAT", [])
	add_row(f"pop-list-{word}", count, "LIST", ["--list"])
	add_row(f"pop-retr-{word}{some}", count, "RETR", [f"--retr={texts}"])
