"""The container image and the Kubernetes example, as far as they can be looked at without an engine."""

import re
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml

from conftest import TOP

CONTAINERFILE = TOP / "conf/container/Containerfile"
KUBERNETES = TOP / "conf/kubernetes/reflejo.yaml"


def documents():
    return {document["kind"]: document for document in yaml.safe_load_all(KUBERNETES.read_text())}


def container():
    return documents()["Deployment"]["spec"]["template"]["spec"]["containers"][0]


def test_hadolint_has_no_complaint():
    hadolint = f"{sys.prefix}/bin/hadolint"
    done = subprocess.run([hadolint, "--no-color", CONTAINERFILE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def instructions():
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(), flags=re.M))
    return [line.split(None, 1) for line in text.splitlines() if line.strip()]


def test_what_is_copied_is_there():
    copied = [words.split()[:-1] for name, words in instructions() if name == "COPY" and not words.startswith("--from")]
    assert copied
    for source in sum(copied, []):
        assert (TOP / source).exists(), source
    ignored = (TOP / ".dockerignore").read_text().split()
    assert ignored == [".git", "build"]


def test_packages_are_debians(package):
    """Those named, and those that the package brings with it."""
    named = [word for name, words in instructions() if name == "RUN" for part in re.findall(r"apt-get install (.*?)(?:&&|$)", words)
             for word in part.split() if not word.startswith(("-", "/"))]
    assert "ca-certificates" in named
    depends = subprocess.run(["dpkg-deb", "-f", package, "Depends"], capture_output=True, text=True, check=True).stdout
    named += [re.match(r"\s*([\w.+-]+)", one).group(1) for one in depends.split(",")]

    def known():
        done = subprocess.run(["apt-cache", "show", "--no-all-versions", *named], capture_output=True, text=True, check=False)
        return set(re.findall(r"^Package: (\S+)$", done.stdout, re.M))
    if not set(named) <= known():
        # A fresh machine has no lists yet.
        subprocess.run(["apt-get", "-q", "update"], capture_output=True, check=True)
    assert set(named) <= known()


def test_the_image_runs_what_the_package_installs_as_nobody_special(installed):
    said = dict(instructions()[-6:])
    assert said["ENTRYPOINT"] == '["/usr/bin/reflejo"]' and (installed / "usr/bin/reflejo").exists()
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", said["USER"])
    assert said["STOPSIGNAL"] == "SIGTERM"
    pod = documents()["Deployment"]["spec"]["template"]["spec"]["securityContext"]
    assert said["USER"] == f"{pod['runAsUser']}:{pod['runAsGroup']}" and pod["runAsNonRoot"]


@pytest.mark.parametrize("version", ["1.28", "1.34"])
@pytest.mark.parametrize("kind", ["ConfigMap", "Secret", "Deployment", "PodDisruptionBudget"])
def test_kubernetes_accepts(kind, version):
    kubernetes_validate.validate(documents()[kind], version, strict=True)


def test_a_wrong_document_is_found():
    document = documents()["Deployment"]
    document["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, "1.34", strict=True)


def test_probes_ask_what_the_program_answers():
    paths = yaml.safe_load((TOP / "conf/openapi.yaml").read_text())["paths"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container()[probe]["httpGet"]
        assert "get" in paths[asked["path"]] and asked["port"] == "admin"
    annotations = documents()["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] in paths
    assert annotations["prometheus.io/port"] == str(container()["ports"][0]["containerPort"])


def test_parts_fit_together():
    found = documents()
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (found["Deployment"]["spec"]["selector"], found["PodDisruptionBudget"]["spec"]["selector"]):
        assert selector["matchLabels"].items() <= labels.items()
    pod = found["Deployment"]["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert {mount["name"] for mount in container()["volumeMounts"]} == set(volumes)
    assert volumes["config"]["configMap"]["name"] == found["ConfigMap"]["metadata"]["name"]
    assert volumes["secrets"]["secret"]["secretName"] == found["Secret"]["metadata"]["name"]
    version = re.search(r'REFLEJO_VERSION "(.*)"', (TOP / "agent/base/version.h").read_text()).group(1)
    assert container()["image"] == f"reflejo:{version}"
    ini = found["ConfigMap"]["data"]["reflejo.ini"]
    assert f"listen = 0.0.0.0:{container()['ports'][0]['containerPort']}\n" in ini
    for name in re.findall(r"^[^#\n]*/etc/reflejo/secrets[:/]([\w-]+)", ini, re.M):
        assert name in found["Secret"]["stringData"], name


def test_its_configuration_is_one(program, tmp_path):
    """What stands in the ConfigMap, with its paths moved into a folder of the test."""
    data = documents()["ConfigMap"]["data"]
    known = (TOP / "conf/options.md").read_text()
    if "`token.file`" not in known or "`format`" not in known:
        pytest.skip("admin.token.file and log.format are not options of this program")
    for name, text in {**data, **documents()["Secret"]["stringData"]}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    ini = tmp_path / "reflejo.ini"
    ini.write_text(re.sub(r"/etc/reflejo/(config|secrets)", str(tmp_path), data["reflejo.ini"]))
    done = subprocess.run([program, "check", "--config", ini], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
