#!/usr/bin/env python3
"""Keeps how tools are used, and reports it to the hub. Needs only Python's standard library.

    import letsbe_report
    spool = letsbe_report.Spool("/var/lib/letsbe/spool")
    spool.call("browser.navigate", 12.5)              # a call that took 12.5 ms
    spool.call("browser.navigate", 800, "TIMEOUT")    # one that failed
    spool.count("agents_online", 3)

    python3 letsbe_report.py send                     # from a timer; call and count work there too

The settings, the exit codes and the folder are those of letsbe-report.sh, so each can send what the other
has noted. What is noted counts exactly once, whenever the program is killed: a note is a file, complete or
absent; it is moved into one batch; the batch's name holds the report's id and time for ever, its report is
written once, and the batch is removed after the hub said that the report is on disk.
"""

import ipaddress
import json
import os
import re
import shutil
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from datetime import datetime, timezone
from pathlib import Path

LATER, REFUSED = 75, 78
HOUR = 3600
# Notes in one report: a report is at most 1 MiB.
MOST = 5000

NAME = re.compile(r"[a-z0-9._-]{1,64}")
CODE = re.compile(r"[A-Z0-9_]{1,48}")


class Failed(Exception):
    """Why nothing more can be done now, with the exit code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Spool:
    """The folder for what was noted and not yet reported."""

    def __init__(self, folder):
        self.folder = Path(folder)
        for name in ("new", "part", "rejected"):
            (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    def call(self, name, milliseconds, code=None):
        """Notes a call of a tool, how long it took, and the code of its error."""
        if not NAME.fullmatch(name) or (code is not None and not CODE.fullmatch(code)):
            raise ValueError("not the name of a tool, or not a code")
        took = f"{max(0.0, float(milliseconds)):.3f}".rstrip("0").rstrip(".")
        self._note(f"call {name} {took}" + (f" {code}" if code else ""))

    def count(self, name, number):
        """Notes a named count."""
        if not NAME.fullmatch(name):
            raise ValueError("not the name of a count")
        self._note(f"count {name} {int(number)}")

    def _note(self, line):
        name = f"{int(time.time())}.{os.getpid()}.{uuid.uuid4()}"
        made = self.folder / "part" / name
        made.write_text(line + "\n")
        made.rename(self.folder / "new" / name)

    def alone(self):
        """Fails while another run sends. What a killed run left is taken over."""
        own, lock = self.folder / f"lock.{os.getpid()}", self.folder / "lock"
        own.write_text(f"{os.getpid()}\n")
        try:
            try:
                os.link(own, lock)
            except FileExistsError:
                other = lock.read_text().strip() if lock.exists() else ""
                if other.isdigit() and is_alive(int(other)):
                    raise Failed(LATER, "another run is sending") from None
                lock.unlink(missing_ok=True)
                os.link(own, lock)
        except FileExistsError:
            raise Failed(LATER, "another run is sending") from None
        finally:
            own.unlink(missing_ok=True)
        return lock

    def gather(self):
        """Moves notes into batches, one for each hour, and closes them. A batch that a killed run left
        open is closed as it is: its notes are in no other one."""
        batches = {}
        notes = sorted((self.folder / "new").iterdir())[:MOST]
        for note in notes:
            at = note.name.split(".")[0]
            if not at.isdigit():
                note.unlink()
                continue
            hour = int(at) // HOUR
            if hour not in batches:
                batches[hour] = self.folder / f"batch.{hour}.{uuid.uuid4()}"
                batches[hour].mkdir(mode=0o700)
            note.rename(batches[hour] / note.name)
        for batch in self.folder.glob("batch.*"):
            try:
                batch.rmdir()  # It was left before its first note came in.
                continue
            except OSError:
                pass
            _, hour, report = batch.name.split(".", 2)
            start = int(hour) * HOUR
            end = max(min(start + HOUR, int(time.time())), start + 1)
            batch.rename(self.folder / f"ready.{start}.{end}.{report}")

    def ready(self):
        """The batches that are to be sent, the oldest first."""
        return sorted(self.folder.glob("ready.*"))


def report_of(batch, catalogue):
    """The bytes of a batch's report, written once. Names that the hub does not list are left out."""
    path = batch / "report.json"
    if not path.exists():
        _, start, end, report_id = batch.name.split(".", 3)
        tools, counts = {}, {}
        for note in sorted(batch.glob("[0-9]*")):
            words = note.read_text().split()
            if words[:1] == ["call"] and words[1] in catalogue["tools"]:
                tool = tools.setdefault(
                    words[1], {"name": words[1], "calls": 0, "errors": {}, "durations_ms": []}
                )
                tool["calls"] += 1
                tool["durations_ms"].append(float(words[2]))
                if len(words) > 3 and words[3] in catalogue["codes"]:
                    tool["errors"][words[3]] = tool["errors"].get(words[3], 0) + 1
            elif words[:1] == ["count"] and words[1] in catalogue["counts"]:
                # Of what is there at a moment, the last number counts.
                counts[words[1]] = int(words[2])
        report = {
            "report_id": report_id,
            "window_start": written(int(start)),
            "window_end": written(int(end)),
            "tools": list(tools.values()),
            "counts": counts,
        }
        made = batch / "report.tmp"
        made.write_text(json.dumps(report))
        made.rename(path)
    return path.read_bytes()


def written(at):
    """A time as the hub reads it."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: the key is for the hub alone."""

    def redirect_request(self, *_):
        return None


class Hub:
    """The hub, asked with the hub key."""

    def __init__(self, url, key, allow_plain_http=False):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Failed(REFUSED, "LETSBE_URL must begin with http:// or https://")
        if "@" in parts.netloc:
            raise Failed(REFUSED, "LETSBE_URL must not hold a user name or password")
        local = is_loopback(parts.hostname)
        if parts.scheme == "http" and not local and not allow_plain_http:
            way = "use https, or set LETSBE_ALLOW_PLAIN_HTTP=1"
            raise Failed(REFUSED, f"a key would travel unencrypted to {url}: {way}")
        self.url, self.key = url.rstrip("/"), key
        # A hub on this machine is asked directly, whatever proxy there is for others.
        proxies = [urllib.request.ProxyHandler({})] if local else []
        self.opener = urllib.request.build_opener(NoRedirect, *proxies)

    def ask(self, path, body=None):
        """The status and the body of the answer; 0 where there is none."""
        headers = {"X-Hub-Api-Key": self.key, "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=body, headers=headers)
        try:
            with self.opener.open(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, b""
        except OSError:
            return 0, b""


def is_loopback(host):
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_alive(process):
    """Whether a process of this machine runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def send(spool, hub, instance):
    """Reports all that was noted."""
    lock = spool.alone()
    try:
        send_alone(spool, hub, instance)
    finally:
        lock.unlink(missing_ok=True)


def send_alone(spool, hub, instance):
    """The same, while no other run does."""
    spool.gather()
    for done in spool.folder.glob("done.*"):
        shutil.rmtree(done, ignore_errors=True)
    status, body = hub.ask("/api/v1/instances/self/catalogue")
    refuse(status)
    if status != 200:
        raise Failed(LATER, f"the hub gave no catalogue ({status})")
    catalogue = {name: set(names) for name, names in json.loads(body).items()}
    for batch in spool.ready():
        body = report_of(batch, catalogue)
        status, _ = hub.ask(f"/api/v1/instances/{instance}/telemetry", body)
        rest = batch.name[len("ready.") :]
        if status == 202:
            # Renamed first: removing takes more than one step.
            shutil.rmtree(batch.rename(spool.folder / f"done.{rest}"), ignore_errors=True)
        elif status in (400, 409, 413, 415, 422):
            print(f"letsbe_report.py: the hub does not take {batch.name} ({status})", file=sys.stderr)
            batch.rename(spool.folder / "rejected" / batch.name)
        else:
            refuse(status)
            raise Failed(LATER, f"the hub did not take the reports ({status})")


def refuse(status):
    """Fails if the hub does not know this instance, or no longer lets it in."""
    if status in (401, 403):
        raise Failed(REFUSED, f"the hub refuses this instance ({status})")


def read(variable, default):
    """The content of a file that a variable names."""
    path = os.environ.get(variable, default)
    try:
        return Path(path).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(LATER, f"cannot read {path}") from error


def main(words):
    """Runs a command line."""
    os.umask(0o077)
    try:
        spool = Spool(os.environ.get("LETSBE_SPOOL", "/var/lib/letsbe/spool"))
        match words:
            case ["call", name, took] | ["call", name, took, _]:
                spool.call(name, took, words[3] if len(words) > 3 else None)
            case ["count", name, number]:
                spool.count(name, number)
            case ["send"]:
                url = os.environ.get("LETSBE_URL")
                if not url:
                    raise Failed(REFUSED, "LETSBE_URL is not set")
                key = read("LETSBE_KEY_FILE", "/etc/letsbe/hub.key")
                instance = read("LETSBE_ID_FILE", "/etc/letsbe/instance.id")
                # Only a clear yes is one: 0 is not.
                allow_plain_http = os.environ.get("LETSBE_ALLOW_PLAIN_HTTP") in ("1", "true", "yes", "on")
                send(spool, Hub(url, key, allow_plain_http), instance)
            case ["--help" | "-h"]:
                print(__doc__)
            case _:
                raise Failed(REFUSED, "usage: call NAME MILLISECONDS [CODE] | count NAME NUMBER | send")
    except Failed as failed:
        print(f"letsbe_report.py: {failed}", file=sys.stderr)
        return failed.code
    except ValueError as error:
        print(f"letsbe_report.py: {error}", file=sys.stderr)
        return REFUSED
    except OSError as error:
        print(f"letsbe_report.py: {error}", file=sys.stderr)
        return LATER
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
