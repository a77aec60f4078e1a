"""Interactive pictures for notebooks: move a slider and see what changes."""

from snnlab.exceptions import needs

with needs("snnlab.explorers", "matplotlib", "ipywidgets", extra="course"):
    import ipywidgets  # noqa: F401
    import matplotlib  # noqa: F401

from snnlab.explorers.bucket_filling import BucketFilling
from snnlab.explorers.clipped_mass import ClippedMass
from snnlab.explorers.counting import Counting
from snnlab.explorers.depth_and_steps import DepthAndSteps
from snnlab.explorers.deviation_error import DeviationError
from snnlab.explorers.energy_budget import EnergyBudget
from snnlab.explorers.equal_operations import EqualOperations
from snnlab.explorers.four_currents import FourCurrents
from snnlab.explorers.input_coding import InputCoding
from snnlab.explorers.layer_quantization import LayerQuantization
from snnlab.explorers.network_error import NetworkError
from snnlab.explorers.pooling_gates import PoolingGates
from snnlab.explorers.quantization_error import QuantizationError
from snnlab.explorers.shortcut_variants import ShortcutVariants
from snnlab.explorers.single_neuron import SingleNeuron
from snnlab.explorers.spike_movie import SpikeMovie
from snnlab.explorers.spurious_spikes import SpuriousSpikes
from snnlab.explorers.steps_and_percentile import StepsAndPercentile
from snnlab.explorers.threshold_multipliers import ThresholdMultipliers
from snnlab.explorers.threshold_tuning import ThresholdTuning
from snnlab.explorers.toolkit.explorer import Explorer
from snnlab.explorers.two_stages import TwoStages
from snnlab.explorers.water_mark import WaterMark

__all__ = [
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
    "ThresholdMultipliers",
    "ThresholdTuning",
    "TwoStages",
    "WaterMark",
]
