"""What a method expects of the neurons, with what to do where they are others."""

from snnlab._arguments import checks
from snnlab.exceptions import OptionError
from snnlab.network import Network


def refuse_other_neurons(
    network: Network, method: str, *, bursts: bool = True, signed: bool = True
) -> None:
    """Refuse a reset to zero; and bursts and signed neurons where they are not expected."""
    checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    for name, neuron in network.neurons.items():
        if neuron.reset == "zero":
            found, todo = "reset='zero'", "reset='subtract'"
            why = "only what a spike leaves over tells what is still owed"
        elif neuron.max_spikes > 1 and not bursts:
            found = f"max_spikes={neuron.max_spikes}"
            todo = f"max_spikes=1, scale={neuron.max_spikes}"
            why = "it reckons with at most one spike in a step"
        elif neuron.signed and not signed:
            found, todo = "signed=True", "signed=False"
            why = "it reckons with spikes of its own"
        else:
            continue
        raise OptionError(
            f"{method}: layer {name!r} has {found}, expected {todo.split(',')[0]}: {why}. Write "
            f"network.replace({todo})."
        )
