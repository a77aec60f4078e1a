"""What costs a converted network its accuracy, and what helps."""

from snnlab.diagnosis.procedure import diagnose
from snnlab.diagnosis.report import Accumulation, Diagnosis, Finding, LayerScale, Remedy

__all__ = ["Accumulation", "Diagnosis", "Finding", "LayerScale", "Remedy", "diagnose"]
