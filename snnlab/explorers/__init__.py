"""Interactive pictures for notebooks: move a slider and see what changes."""

from typing import TYPE_CHECKING

from snnlab._first_use import at_first_use
from snnlab.exceptions import needs

with needs("snnlab.explorers", "matplotlib", "ipywidgets", extra="course"):
    import ipywidgets  # noqa: F401
    import matplotlib  # noqa: F401

from snnlab.explorers.bucket_filling import BucketFilling
from snnlab.explorers.counting import Counting
from snnlab.explorers.deviation_error import DeviationError
from snnlab.explorers.four_currents import FourCurrents
from snnlab.explorers.input_coding import InputCoding
from snnlab.explorers.layer_quantization import LayerQuantization
from snnlab.explorers.quantization_error import QuantizationError
from snnlab.explorers.single_neuron import SingleNeuron
from snnlab.explorers.spurious_spikes import SpuriousSpikes
from snnlab.explorers.toolkit.explorer import Explorer
from snnlab.explorers.two_stages import TwoStages
from snnlab.explorers.water_mark import WaterMark

if TYPE_CHECKING:
    from snnlab.explorers.box_movie import BoxMovie
    from snnlab.explorers.clipped_mass import ClippedMass
    from snnlab.explorers.depth_and_steps import DepthAndSteps
    from snnlab.explorers.energy_budget import EnergyBudget
    from snnlab.explorers.equal_operations import EqualOperations
    from snnlab.explorers.network_error import NetworkError
    from snnlab.explorers.pooling_gates import PoolingGates
    from snnlab.explorers.shortcut_variants import ShortcutVariants
    from snnlab.explorers.spike_movie import SpikeMovie
    from snnlab.explorers.steps_and_percentile import StepsAndPercentile
    from snnlab.explorers.surrogate_width import SurrogateWidth
    from snnlab.explorers.threshold_multipliers import ThresholdMultipliers
    from snnlab.explorers.threshold_tuning import ThresholdTuning

__all__ = [
    "BoxMovie",
    "BucketFilling",
    "ClippedMass",
    "Counting",
    "DepthAndSteps",
    "DeviationError",
    "EnergyBudget",
    "EqualOperations",
    "Explorer",
    "FourCurrents",
    "InputCoding",
    "LayerQuantization",
    "NetworkError",
    "PoolingGates",
    "QuantizationError",
    "ShortcutVariants",
    "SingleNeuron",
    "SpikeMovie",
    "SpuriousSpikes",
    "StepsAndPercentile",
    "SurrogateWidth",
    "ThresholdMultipliers",
    "ThresholdTuning",
    "TwoStages",
    "WaterMark",
]

# These are given a network, or run torch on their own; the others work without.
_WITH_TORCH = {
    "BoxMovie": "box_movie",
    "ClippedMass": "clipped_mass",
    "DepthAndSteps": "depth_and_steps",
    "EnergyBudget": "energy_budget",
    "EqualOperations": "equal_operations",
    "NetworkError": "network_error",
    "PoolingGates": "pooling_gates",
    "ShortcutVariants": "shortcut_variants",
    "SpikeMovie": "spike_movie",
    "StepsAndPercentile": "steps_and_percentile",
    "SurrogateWidth": "surrogate_width",
    "ThresholdMultipliers": "threshold_multipliers",
    "ThresholdTuning": "threshold_tuning",
}
__getattr__, __dir__ = at_first_use(__name__, _WITH_TORCH)
