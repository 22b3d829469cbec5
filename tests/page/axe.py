"""axe-core, fetched once with npm and checked, and run in a page."""

import base64
import hashlib
import shutil
import subprocess
import tarfile

import pytest

VERSION = "4.14.1"
INTEGRITY = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="


def source(folder):
    """The text of axe.min.js; skips when it can neither be found in the folder nor fetched."""
    archive = folder / f"axe-core-{VERSION}.tgz"
    if not archive.exists():
        if not shutil.which("npm"):
            pytest.skip("axe-core is fetched with npm, which is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "pack", "--silent", f"axe-core@{VERSION}"], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"npm cannot fetch axe-core: {done.stderr.strip()[-300:]}")
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    assert found == INTEGRITY, f"{archive} is not the axe-core {VERSION} that is wanted: remove it"
    with tarfile.open(archive) as tar:
        return tar.extractfile("package/axe.min.js").read().decode()


def findings(page, text):
    """What axe-core finds serious or critical, as lines. page.evaluate is not bound by the page's policy."""
    page.evaluate(text)
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{found['id']} ({found['impact']}): {node['html'][:200]} {node['failureSummary'][:300]}"
            for found in result["violations"] if found["impact"] in ("serious", "critical") for node in found["nodes"]]
