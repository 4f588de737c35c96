"""Files that are written whole or not at all, whatever they hold."""

import errno
import os
import pathlib
import secrets


def replace(path: pathlib.Path, data: bytes) -> None:
    """Writes a file whole or not at all: a temporary file beside it, flushed to disk, then renamed.

    An existing file keeps its permissions, and a link keeps pointing at the file that is replaced. Only regular files
    are replaced, not pipes and devices.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")  # short: names may have 255 bytes
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            os.chmod(temporary, path.stat().st_mode & 0o7777)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
