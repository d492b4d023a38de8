"""A debuginfod on loopback that serves a folder's debug files."""
import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.request


def is_here():
    return bool(shutil.which('debuginfod'))


def address():
    """Where a server may be, and is not yet."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return f'http://127.0.0.1:{free.getsockname()[1]}'


@contextlib.contextmanager
def serve(folder, url, build_id):
    """Serves the folder at url; begins when it has found the debug file of that build-id, or after a minute."""
    environment = {key: value for key, value in os.environ.items() if 'DEBUGINFOD' not in key}
    with subprocess.Popen(['debuginfod', '-F', '-d', ':memory:', '-p', url.rsplit(':', 1)[1], folder], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, env=environment) as server:
        try:
            for _ in range(300):
                try:
                    with urllib.request.urlopen(f'{url}/buildid/{build_id}/debuginfo'):
                        break
                except OSError:
                    time.sleep(0.2)
            yield
        finally:
            server.terminate()
