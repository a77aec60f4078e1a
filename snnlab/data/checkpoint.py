"""The state of a training in a file, so that it can resume after an interruption."""

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from snnlab._files import replace_file
from snnlab._text import counted
from snnlab.exceptions import DataError

_NOTHING_KEPT = (
    "What was learnt is not kept. With checkpoint='training.checkpoint' it would be, after each "
    "epoch."
)


class Checkpoint:
    """A file with the state of a training; with None as its path nothing is saved.

    Parameters
    ----------
    file : path or None
    setting : dict
        What the result depends on. A file of another setting is refused.
    parts : sequence of objects with `state_dict` and `load_state_dict`
        Such as model, optimizer and schedule.

    Raises
    ------
    DataError
        If there can be no such file: its folder does not exist, or it is a folder itself.
    """

    def __init__(self, file: str | Path | None, setting: Mapping[str, Any], parts: Sequence[Any]):
        self.file = None if file is None else Path(file)
        self.setting, self.parts = dict(setting), parts
        self.done = 0
        if self.file and self.file.is_dir():
            raise DataError(
                f"{self.file}: is a folder, expected a file for the checkpoint. Add a name to it."
            )
        if self.file and not self.file.parent.is_dir():
            raise DataError(
                f"{self.file}: there is no folder {self.file.parent}, expected one for the "
                f"checkpoint. Make the folder first."
            )

    def resume(self) -> int:
        """Restore the parts and torch's random state, and return the number of epochs done."""
        if self.file is None or not self.file.exists():
            return 0
        todo = "Remove it to begin anew, or give the checkpoint another name."
        try:
            saved = torch.load(self.file, weights_only=True)
            found = dict(saved["setting"])
            if found == self.setting:
                for part, state in zip(self.parts, saved["states"], strict=True):
                    part.load_state_dict(state)
                torch.set_rng_state(saved["random"])
                self.done = int(saved["epoch"])
                return self.done
        except Exception as error:  # what torch raises depends on what else the file is
            raise DataError(
                f"{self.file}: cannot be read ({error!r}), expected what a training of this model "
                f"has written. {todo}"
            ) from error
        was = {key: value for key, value in found.items() if value != self.setting.get(key)}
        wanted = {key: value for key, value in self.setting.items() if value != found.get(key)}
        raise DataError(f"{self.file}: is of a training with {was}, expected {wanted}. {todo}")

    def save(self, epoch: int) -> None:
        """Save the state after so many epochs, replacing the file only once it is complete.

        Raises
        ------
        DataError
            If it cannot be written. The file is then as it was.
        """
        if self.file is None:
            self.done = epoch
            return
        states = [part.state_dict() for part in self.parts]
        state = {"setting": self.setting, "epoch": epoch, "states": states}
        content = io.BytesIO()
        torch.save(state | {"random": torch.get_rng_state()}, content)
        try:
            replace_file(self.file, content.getvalue())
        except OSError as error:
            size = len(content.getvalue())
            raise DataError(
                f"{self.file}: the state after {counted(epoch, 'epoch')} cannot be written "
                f"({error.strerror}), expected a place for {size:,} bytes. {self._kept()} "
                f"Look at the space and the rights of the folder."
            ) from error
        self.done = epoch

    def remove(self) -> None:
        """Remove the file after the training; what was learnt is worth more than that."""
        if self.file is None:
            return
        try:
            self.file.unlink(missing_ok=True)
        except OSError as error:
            warnings.warn(
                f"{self.file}: the training is done, and its checkpoint cannot be removed "
                f"({error.strerror}). Remove it yourself.",
                stacklevel=3,
            )

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Let an interruption of the training say what is kept."""
        try:
            yield
        except KeyboardInterrupt as interruption:
            interruption.add_note(
                f"Interrupted after {self.done} of {counted(self.setting['epochs'], 'epoch')}. "
                + (self._kept() if self.file else _NOTHING_KEPT)
            )
            raise

    def _kept(self) -> str:
        if self.done == 0:
            return "No epoch was complete, so the next call begins anew."
        done = counted(self.done, "epoch")
        return f"{self.file} has the state after {done}: the same call goes on from there."
