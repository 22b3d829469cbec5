"""A Kerberos KDC of a test's own, for two realms, on the loopback: MIT's, without a system service."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

from rigs import Unavailable, die_with_parent, free_port

SOURCE, TARGET = "SOURCE.TEST", "TARGET.TEST"
DEADLINE = 60


def find(program):
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not found:
        raise Unavailable(f"no {program} (krb5-kdc, krb5-admin-server, krb5-user)")
    return found


class Kdc:
    """Its files lie in the folder: krb5.conf for clients, NAME.keytab for who asks for one."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.port, self.process = free_port(), None
        self.programs = {name: find(name) for name in ("krb5kdc", "kadmin.local", "kdb5_util", "kinit")}
        self.config = self.write_config(self.folder / "krb5.conf")
        realms = "".join(f"{realm} = {{\ndatabase_name = {self.folder}/{realm}.db\nkey_stash_file = {self.folder}/{realm}.stash\n"
                         f"acl_file = {self.folder}/acl\nmax_life = 1h\n}}\n" for realm in (SOURCE, TARGET))
        (self.folder / "kdc.conf").write_text(
            f"[kdcdefaults]\nkdc_listen = 127.0.0.1:{self.port}\nkdc_tcp_listen = 127.0.0.1:{self.port}\n[realms]\n{realms}"
            f"[logging]\nkdc = FILE:{self.folder}/kdc.log\nadmin_server = FILE:{self.folder}/kadmin.log\n", encoding="ascii")
        for realm in (SOURCE, TARGET):
            self.run("kdb5_util", "-r", realm, "create", "-s", "-P", "master")
        self.start()

    def write_config(self, path, realm=SOURCE, port=None):
        """What a client needs to know, whose own realm it is; gives the path. No host has a realm: each client asks the KDC of
        its own for it."""
        path.write_text(
            f"[libdefaults]\ndefault_realm = {realm}\ndns_lookup_kdc = false\ndns_lookup_realm = false\n"
            "dns_canonicalize_hostname = false\nrdns = false\nudp_preference_limit = 1\n[realms]\n"
            + "".join(f"{name} = {{\nkdc = 127.0.0.1:{port or self.port}\n}}\n" for name in (SOURCE, TARGET)),
            encoding="ascii")
        return path

    @property
    def environment(self):
        return {"KRB5_CONFIG": str(self.config), "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf")}

    def run(self, program, *arguments):
        done = subprocess.run([self.programs[program], *map(str, arguments)], env={**os.environ, **self.environment},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=DEADLINE, check=False)
        assert done.returncode == 0, f"{program} {arguments}: {done.stdout}"
        return done.stdout

    def start(self):
        with open(self.folder / "krb5kdc.log", "ab") as log:
            self.process = subprocess.Popen([self.programs["krb5kdc"], "-n", "-r", SOURCE, "-r", TARGET],
                                            env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, preexec_fn=die_with_parent)  # pylint: disable=W1509
        end = time.monotonic() + DEADLINE
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None and time.monotonic() < end, (self.folder / "krb5kdc.log").read_text("utf-8")
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait(DEADLINE)

    def add(self, principal, life=None):
        """NAME@REALM, whose tickets are valid for so many seconds; gives its key tab."""
        realm = principal.rpartition("@")[2]
        life = ["-maxlife", f"{life} sec"] if life else []
        self.run("kadmin.local", "-r", realm, "addprinc", "-randkey", *life, principal)
        return self.write_keytab(principal, self.keytab_of(principal))

    def keytab_of(self, principal):
        return self.folder / (principal.replace("/", "-") + ".keytab")

    def write_keytab(self, principal, path):
        """Gives the principal another key, and writes that into the file, in the place of the old one."""
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        self.run("kadmin.local", "-r", principal.rpartition("@")[2], "ktadd", "-k", new, principal)
        new.chmod(0o600)
        new.rename(path)
        return path

    def change_key(self, principal):
        """Like that, but nothing is written."""
        self.run("kadmin.local", "-r", principal.rpartition("@")[2], "cpw", "-randkey", principal)

    def kinit(self, principal, cache):
        self.run("kinit", "-c", f"FILE:{cache}", "-k", "-t", self.keytab_of(principal), principal)
