"""Certificates of a test's own, made by openssl: an authority, and what it signs."""

import subprocess
from typing import NamedTuple
import pathlib


class Pair(NamedTuple):
    certificate: pathlib.Path
    key: pathlib.Path


def _openssl(*arguments):
    subprocess.run(["openssl", *(str(a) for a in arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _request(folder, name, subject, *more):
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-keyout", pair.key,
             "-out", pair.certificate, "-subj", subject, *more)
    pair.key.chmod(0o600)
    return pair


class Authority:
    """name: also of its files in the folder."""

    def __init__(self, folder, name="ca"):
        self.folder = folder
        self.pair = _request(folder, name, f"/CN={name}")

    @property
    def file(self):
        return self.pair.certificate

    def sign(self, name, host=None):
        """A certificate for a host (a name or an address), or for a client."""
        kind = "IP" if host and host.replace(".", "").isdigit() else "DNS"
        more = ["-addext", f"subjectAltName={kind}:{host}"] if host else []
        return _request(self.folder, name, f"/CN={name}", "-CA", self.pair.certificate, "-CAkey", self.pair.key, "-addext",
                        "basicConstraints=critical,CA:FALSE", *more)
