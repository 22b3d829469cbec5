"""A contestant's processes: started as a pipeline, watched through /proc, and stopped."""
import os
import pathlib
import signal
import subprocess
import time

from brokers import Failed

STOP_DEADLINE = 60.0
TICKS = os.sysconf("SC_CLK_TCK")


def status_of(pid, name):
    """A number of /proc/PID/status, 0 when the process is no more."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def cpu_seconds(pids):
    """User and system time of processes and all their threads so far."""
    total = 0.0
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / TICKS
        except OSError:
            pass
    return total


def threads_seconds(pids):
    """The same of the threads that there are now, to the nanosecond: for an idle process."""
    total = 0
    for pid in pids:
        for thread in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total += int(thread.read_text(encoding="ascii").split()[0])
            except OSError:
                pass
    return total / 1e9


class Pipeline:
    """Commands of which each reads what the one before writes."""

    def __init__(self, commands, log):
        self.commands, self.log, self.processes = commands, log, []
        self.usages, self.peak_kib, self.threads = {}, 0, 0

    def __enter__(self):
        with open(self.log, "wb") as out:
            before = None
            for number, command in enumerate(self.commands):
                is_last = number == len(self.commands) - 1
                process = subprocess.Popen([str(word) for word in command], stdin=before.stdout if before else subprocess.DEVNULL,
                                           stdout=out if is_last else subprocess.PIPE, stderr=out)
                if before:
                    before.stdout.close()
                self.processes.append(process)
                before = process
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.returncode is None:
                process.kill()
                process.wait()

    @property
    def pids(self):
        return [process.pid for process in self.processes]

    def look(self):
        """Notes the peak of memory and the number of threads."""
        self.peak_kib = max(self.peak_kib, sum(status_of(pid, "VmHWM") for pid in self.pids))
        self.threads = max(self.threads, sum(status_of(pid, "Threads") for pid in self.pids))

    def resident_kib(self):
        return sum(status_of(pid, "VmRSS") for pid in self.pids)

    def has_failed(self):
        """Has one ended, and not well? Its usage is taken later, so it is not reaped here."""
        for process in self.processes:
            if process.returncode is None:
                info = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if info and (info.si_code != os.CLD_EXITED or info.si_status):
                    return True
        return False

    def stop(self, statuses, by_signal=True):
        """Ends the first, by SIGTERM or of itself, and waits for all. Gives their user and system time and switches together."""
        if by_signal:
            self.processes[0].send_signal(signal.SIGTERM)
        end = time.monotonic() + STOP_DEADLINE
        for process in self.processes:
            while process.returncode is None:
                if time.monotonic() > end:
                    raise Failed(f"did not end within {STOP_DEADLINE:g} s of SIGTERM" if by_signal else "did not end at the topic's end")
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    process.returncode = os.waitstatus_to_exitcode(status)
                    self.usages[pid] = usage
                else:
                    time.sleep(0.01)
            if process.returncode not in statuses:
                raise Failed(f"ended with {process.returncode}")
        usages = self.usages.values()
        return {"user": sum(u.ru_utime for u in usages), "system": sum(u.ru_stime for u in usages),
                "switches": sum(u.ru_nvcsw + u.ru_nivcsw for u in usages)}
