"""All that `import snnlab` offers by name: torch is loaded with it, so at the first use only."""

from snnlab.analysis import (
    Energy,
    ErrorParts,
    ErrorsOverTime,
    Operations,
    decompose,
    decompose_over_time,
    energy,
    operations,
)
from snnlab.comparison import compare
from snnlab.conversion import (
    MMSE,
    DataBased,
    Fixed,
    Gaussian,
    LocalThresholdBalancing,
    Maximum,
    ModelBased,
    Percentile,
    Trained,
    activation_statistics,
    convert,
    normalize_weights,
    trainable_clipping,
    verify,
)
from snnlab.conversion.correction import correct_bias, correct_potential, tune_thresholds
from snnlab.diagnosis import Diagnosis, diagnose
from snnlab.dynamics import Neuron, Start
from snnlab.exceptions import (
    CalibrationError,
    DataError,
    MemoryBudgetError,
    OptionError,
    ShapeError,
    SNNLabError,
    UnsupportedLayerError,
    VerificationError,
)
from snnlab.graph import QCFS, TCL, Graph, fold_batchnorm, trace
from snnlab.network import Network, load
from snnlab.nir import from_nir, to_nir
from snnlab.simulation import Activations, Record, ann, quantized, simulate, softmax_spikes, sweep
