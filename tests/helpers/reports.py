"""A diagnosis made up by hand."""

import numpy as np

from snnlab.diagnosis import Diagnosis, LayerScale, Remedy


def report(**changed):
    given = dict(
        timesteps=8,
        images=100,
        snn=0.5,
        ann=0.9,
        findings=(),
        exact={"a": 0.75, "b": 0.5},
        layer="a",
        part="clipping",
        gains={"timing": 0.01, "deviation": -0.02, "quantization": -1e-17, "clipping": 0.26},
        settings={
            "a": LayerScale(0.12345, 0.0456, 0.12345, 1.0),
            "b": LayerScale(np.nan, np.nan, np.nan, 1.0),
        },
        remedies=(Remedy("one", 0.6, 1.0), Remedy("two", 0.8, 2.0), Remedy("three", 0.85, 4.0)),
    )
    return Diagnosis(**given | changed)
