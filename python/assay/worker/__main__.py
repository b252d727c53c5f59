"""`python -m assay.worker`: the template process, or with `--once` a single child that is not forked."""

import sys

from assay.worker import template

if __name__ == "__main__":
    sys.exit(template.once() if "--once" in sys.argv[1:] else template.serve())
