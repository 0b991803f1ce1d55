# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# What the tests share that need a terminal: `load terminal`.

# on_terminal COMMAND...: with a terminal as stderr and 0, what it shows in $shown.
on_terminal() {
	shown=$BATS_TEST_TMPDIR/shown
	status=0
	TERM=${kind-xterm} python3 - "$shown" "$@" <<-'EOF' || status=$?
		import os, pty, sys
		pid, fd = pty.fork()
		if pid == 0:
		    out = os.open(sys.argv[1] + ".out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
		    if os.environ.get("stdout") != "terminal":
		        os.dup2(out, 1)
		    os.execvp(sys.argv[2], sys.argv[2:])
		text = b""
		while True:
		    try:
		        more = os.read(fd, 65536)
		    except OSError:
		        break
		    if not more:
		        break
		    text += more
		open(sys.argv[1], "wb").write(text)
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	EOF
}
