"""Units that make Brian2's arithmetic exact, and its refusals."""

import re

import pytest
from brian2 import farad, volt

# What Python and Brian2 say among themselves.
JARGON = re.compile(r"traceback|object at|__\w+__|0x[0-9a-f]{6}|_neurongroup|codeobject", re.I)


def message_of(error, call, *args, **kwargs):
    """Return the message of the error that a call raises: one line of whole sentences."""
    with pytest.raises(error) as caught:
        call(*args, **kwargs)
    assert type(caught.value) is error
    message = str(caught.value)
    assert not JARGON.search(message), message
    assert message.endswith((".", "?")), message
    assert not re.search(r"  |\n|(?<!\.)\.\.(?!\.)|: \.(?!\.)", message), message
    return message


# With these, one step of 1 s under 1 A adds 1 V, and multiples of 1/64 are added without rounding.
EXACT = {"C": 1 * farad, "v_threshold": 1 * volt}
