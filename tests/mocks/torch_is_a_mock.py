"""torch is a MagicMock: what the seed documents' system did."""

import sys
from unittest.mock import MagicMock

sys.modules["torch"] = MagicMock()
