"""Results of tasks in a folder, so that what was computed once need not be computed again."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from snnlab._files import replace_file
from snnlab.exceptions import OptionError

Arrays = dict[str, np.ndarray]


class Kept:
    """Arrays by the key of their task, a file each; with None as the folder nothing is kept.

    The files hold numbers only: no code can come with a folder that somebody else has filled.

    Parameters
    ----------
    cache : path or None
        Made if it does not exist.

    Raises
    ------
    OptionError
        If it cannot be used as a folder.
    """

    def __init__(self, cache: Any):
        self.cache, self._said = cache, False
        if cache is None:
            return
        try:
            self.folder = Path(cache)
            self.folder.mkdir(parents=True, exist_ok=True)
        except (OSError, TypeError, ValueError) as error:
            raise OptionError(
                f"cache = {cache!r}: cannot be used as a folder ({error}). Expected the path of a "
                f"folder, or of one to be made."
            ) from error

    def read(self, key: str) -> Arrays | None:
        """Return what is kept under a key; None if there is nothing, or nothing that is whole."""
        if self.cache is None:
            return None
        try:
            content = io.BytesIO(self._file(key).read_bytes())
            return dict(np.load(content, allow_pickle=False))
        except Exception:  # what numpy raises depends on where a file is damaged
            return None

    def write(self, key: str, arrays: Arrays) -> None:
        """Keep arrays under a key. If they cannot be kept, one warning says so."""
        if self.cache is None:
            return
        content = io.BytesIO()
        np.savez(content, **arrays)  # type: ignore[arg-type]
        try:
            replace_file(self._file(key), content.getvalue())
        except OSError as error:
            if not self._said:
                warnings.warn(
                    f"cache = {self.cache!r}: results cannot be kept ({error.strerror}). All are "
                    f"computed and returned; the next call computes anew what is not kept. Look at "
                    f"the space and the rights of the folder.",
                    stacklevel=4,
                )
            self._said = True

    def told(self) -> str:
        """Return what somebody should know who has interrupted the tasks."""
        if self.cache is None:
            return "What was computed is not kept. With cache='FOLDER' it would be."
        return f"What was computed is kept in {self.cache}: the same call goes on from there."

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.npz"
