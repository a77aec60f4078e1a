"""A file is replaced only once its new content is complete."""

import contextlib
import errno
import os
import secrets
import shutil
from pathlib import Path


def replace_file(file: Path, content: bytes) -> None:
    """Put a new content in the place of the old one: all of it, or nothing.

    It is written beside the file and moved there when the disk has it. Rights of an old file stay,
    and a link stays a link.

    Raises
    ------
    OSError
        If it cannot be written. Then, as after an interruption, the file is as it was, and nothing
        is left beside it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Path(folder, "kept")
    ...     replace_file(place, b"one")
    ...     replace_file(place, b"two")
    ...     place.read_bytes(), os.listdir(folder)
    (b'two', ['kept'])
    """
    file = Path(os.path.realpath(file))
    if file.exists() and not file.is_file():
        raise OSError(errno.EINVAL, "not an ordinary file", str(file))
    new = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with open(new, "xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if file.exists():
            shutil.copymode(file, new)
        os.replace(new, file)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(new)
