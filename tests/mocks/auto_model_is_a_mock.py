"""Only the class that builds models is a MagicMock."""

from unittest.mock import MagicMock

import transformers

transformers.AutoModel = MagicMock()
