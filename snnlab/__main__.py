"""`python -m snnlab` is the command `snnlab`, some seconds later: torch is loaded before."""

import sys

from snnlab_course.command_line import main

if __name__ == "__main__":
    sys.exit(main())
