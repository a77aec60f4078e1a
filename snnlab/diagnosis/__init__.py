"""What costs a converted network its accuracy, and what helps."""

from snnlab.diagnosis.examination import diagnose
from snnlab.diagnosis.verdict import Diagnosis, Finding, Remedy, Setting

__all__ = ["Diagnosis", "Finding", "Remedy", "Setting", "diagnose"]
