# Packages from npm that tests need, kept between runs.
import os
import subprocess


def npm_package(name, version):
    """The folder of the package's files; None where it cannot be had. version is the major one."""
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "slabrec-tests", name)
    folder = os.path.join(cache, "package")
    if not os.path.exists(os.path.join(folder, "package.json")):
        os.makedirs(cache, exist_ok=True)
        try:
            subprocess.run(f"npm pack --silent {name}@{version} && tar xzf {name}-{version}.*.tgz", shell=True, cwd=cache, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=120, check=True)
        except (subprocess.SubprocessError, OSError):
            return None
    return folder
