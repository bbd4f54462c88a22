"""Processes that begin as copies: they do their work, end with whoever began them, and are told."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")

ROLES = """
import os, sys, time

def echo(end, word):
    while said := end.recv(100):
        end.sendall(word.encode() + said)

def fail(end):
    raise ValueError("as it should")

def sleep(end):
    end.sendall(str(os.getpid()).encode())
    time.sleep(60)
"""

BEGIN = """
import signal, socket, sys, time
from threading import Thread
from segconnect.nursery import Nursery

nursery = Nursery.begin()
Thread(target=time.sleep, args=[60], daemon=True).start()  # which a forked process must not need

def start(name, *words):
    ours, theirs = socket.socketpair()
    with theirs:
        return ours, nursery.start(f"roles:{name}", theirs, *words)
"""


def run(directory: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Runs a program that has a nursery, in an interpreter of its own."""
    (directory / "roles.py").write_text(ROLES)
    return subprocess.run(
        [sys.executable, "-c", BEGIN + program], cwd=directory, capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip


def test_processes_are_forked_though_threads_have_begun_and_end_with_their_socket(
    tmp_path: Path,
) -> None:
    done = run(
        tmp_path,
        """
a, first = start("echo", "a")
b, second = start("echo", "b")
a.sendall(b"1"); b.sendall(b"2")
print(a.recv(9), b.recv(9), first.poll(), second.poll())
a.close()
print(first.wait(9), first.poll(), second.poll())
b.close()
print(second.wait(9), nursery.close())
""",
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["b'a1' b'b2' None None", "0 0 None", "0 None"]


def test_one_that_fails_or_is_killed_did_not_end_well(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
end, failed = start("fail")
print(failed.wait(9))
end, killed = start("sleep")
try:
    killed.wait(0.01)
except Exception as error:
    print(type(error).__name__)
killed.kill()
print(killed.wait(9), killed.kill())
""",
    )

    assert done.stdout.splitlines() == ["1", "TimeoutExpired", "1 None"]
    assert done.stderr.splitlines()[-1] == "ValueError: as it should"


def test_where_the_one_that_forks_was_killed_the_caller_is_told(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import os
os.kill(nursery._process, signal.SIGKILL)
os.waitpid(nursery._process, 0)
try:
    start("echo", "a")
except OSError as error:
    print("told")
""",
    )

    assert done.stdout == "told\n"


def test_nothing_is_left_of_a_server_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "roles.py").write_text(ROLES)
    program = (
        BEGIN + "end, echo = start('echo', 'a')\nprint(echo.pid, nursery._process, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    pids = process.stdout.readline().split()

    process.kill()
    process.wait(9)
    process.stdout.close()

    ends = time.monotonic() + 9
    while (left := [pid for pid in pids if is_alive(pid)]) and time.monotonic() < ends:
        time.sleep(0.02)
    assert left == []


def is_alive(pid: str) -> bool:
    """Whether a process is there, and not merely waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_with_threads_nothing_is_forked(tmp_path: Path) -> None:
    done = run(
        tmp_path, "from segconnect.nursery import apart\nprint(Nursery.begin(), apart(exit))"
    )

    assert done.stdout == "None False\n"


def test_what_is_done_apart_leaves_nothing_imported(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom segconnect.scenario.journal import Journal\n"
        "Journal('sqlite:///runs.db').close()\nprint('alembic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert (done.stdout, done.stderr) == ("False\n", "")
