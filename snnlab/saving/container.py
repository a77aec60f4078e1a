"""A safetensors file with a header in JSON, which is refused when a byte of it has changed."""

import hashlib
import json
import os
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from snnlab._files import replace_file
from snnlab.exceptions import DataError, OptionError, needs

# Raised when a file is written that an older snnlab would misread.
FORMAT = 2
# The one entry of the metadata of safetensors.
_ENTRY = "snnlab"
# Stands in the place of the sha256 while it is computed.
_BLANK = "0" * 64


def pack(header: dict[str, Any], tensors: dict[str, torch.Tensor]) -> bytes:
    """Return the content of a file: the tensors, and the header with format, version and sha256.

    The sha256 is that of the whole content with zeros in its own place. So the same network gives
    the same file, and every byte of it counts.
    """
    with needs("snnlab.Network.save", "safetensors", extra="course"):
        from safetensors.torch import save

    own = {"sha256": _BLANK, "format": FORMAT, "snnlab": _version()}
    text = json.dumps(own | header, allow_nan=False)
    content = save(tensors, {_ENTRY: text})
    return content.replace(_BLANK.encode(), _sha256(content), 1)


def unpack(content: bytes, file: str) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Return header and tensors of a file's content, or refuse it by its name."""
    with needs("snnlab.load", "safetensors", extra="course"):
        from safetensors import SafetensorError
        from safetensors.torch import load

    try:
        size = int.from_bytes(content[:8], "little")
        entry = json.loads(content[8 : 8 + size])["__metadata__"][_ENTRY]
        header = json.loads(entry)
        found, form = str(header["sha256"]).encode(), int(header["format"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{file}: cannot be read as a network ({error!r}), expected a file that network.save "
            f"has written, complete. Copy or save it anew."
        ) from error
    if found != _sha256(content.replace(found, _BLANK.encode())):
        raise DataError(
            f"{file}: is damaged: its content does not have the sha256 that stands in it. Expected "
            f"the file as network.save left it. Copy or save it anew."
        )
    if form > FORMAT:
        raise DataError(
            f"{file}: has format {form} and was written by snnlab {header.get('snnlab')}, expected "
            f"format {FORMAT} or older, which snnlab {_version()} can read. Install a "
            f"newer snnlab-course."
        )
    try:
        tensors = load(content)
    except (SafetensorError, KeyError) as error:
        raise DataError(
            f"{file}: its tensors cannot be read ({error}), expected those that network.save has "
            f"written. Save it anew."
        ) from error
    # Memory of torch's own, because the rounding of a sum may depend on how it is aligned.
    return header, {name: tensor.clone() for name, tensor in tensors.items()}


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _version() -> str:
    try:
        return metadata.version("snnlab-course")
    except metadata.PackageNotFoundError:  # run from its sources
        return "unknown"


def read_bytes(path: Any) -> bytes:
    """Return the content of a file."""
    file = _file(path)
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(
            f"{file}: cannot be read ({error.strerror}), expected a file that network.save has "
            f"written. Look at its name and folder."
        ) from error


def write_bytes(path: Any, content: bytes) -> None:
    """Write a file beside its place and move it there once it is complete."""
    file = _file(path)
    if file.is_dir():
        raise DataError(f"{file}: is a folder, expected a file for the network. Add a name to it.")
    if not file.parent.is_dir():
        raise DataError(
            f"{file}: there is no folder {file.parent}, expected one for the network. Make the "
            f"folder first."
        )
    try:
        replace_file(file, content)
    except OSError as error:
        raise DataError(
            f"{file}: cannot be written ({error.strerror}), expected a place for "
            f"{len(content):,} bytes. Look at the space and the rights of the folder."
        ) from error


def _file(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise OptionError(
            f"path: found {type(path).__name__}, expected the name of a file. Write "
            f"'network.safetensors', for instance."
        )
    return Path(path)
