"""Goes on in build/venv, which has the client library that the bench feeds and asks brokers with."""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build"


def use():
    """Replaces this process by one in build/venv, made when it is missing, unless the client library is here already."""
    try:
        import confluent_kafka  # noqa: F401

        return
    except ImportError:
        pass
    venv = BUILD / "venv"
    python = venv / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == venv.resolve() or os.environ.get("REFLEJO_BENCH_VENV"):
        sys.exit(f"bench: confluent-kafka cannot be imported in {venv}: see tests/bench/requirements.txt")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check",
                    "-r", str(HERE / "requirements.txt")], check=True)
    os.environ["REFLEJO_BENCH_VENV"] = "1"
    os.execv(str(python), [str(python), *sys.argv])
