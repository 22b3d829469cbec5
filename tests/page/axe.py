"""axe-core, fetched once with npm and checked, and run in a page."""

import base64
import hashlib
import io
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

import pytest

VERSION = "4.14.1"
INTEGRITY = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="


def fetch(archive):
    """Puts the archive in its place whole: tests that run at the same time each fetch their own, and never see a part of another's."""
    if not shutil.which("npm"):
        pytest.skip("axe-core is fetched with npm, which is not installed")
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent) as own:
        done = subprocess.run(["npm", "pack", "--silent", f"axe-core@{VERSION}"], cwd=own, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"npm cannot fetch axe-core: {done.stderr.strip()[-300:]}")
        (pathlib.Path(own) / archive.name).rename(archive)


def source(folder):
    """The text of axe.min.js; skips when it can neither be found in the folder nor fetched."""
    archive = folder / f"axe-core-{VERSION}.tgz"
    if not archive.exists():
        fetch(archive)
    content = archive.read_bytes()
    found = base64.b64encode(hashlib.sha512(content).digest()).decode()
    assert found == INTEGRITY, f"{archive} is not the axe-core {VERSION} that is wanted: remove it"
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return tar.extractfile("package/axe.min.js").read().decode()


def findings(page, text):
    """What axe-core finds serious or critical, as lines. page.evaluate is not bound by the page's policy."""
    page.evaluate(text)
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{found['id']} ({found['impact']}): {node['html'][:200]} {node['failureSummary'][:300]}"
            for found in result["violations"] if found["impact"] in ("serious", "critical") for node in found["nodes"]]
