//! Every environment variable that Assay reads.

/// The Python interpreter to use, if `--python` doesn't name one.
pub const PYTHON: &str = "ASSAY_PYTHON";

/// Where environments, unpacked sources and probes are kept; otherwise `$XDG_CACHE_HOME/assay` or `~/.cache/assay`.
pub const CACHE_DIR: &str = "ASSAY_CACHE_DIR";

/// A folder that holds the Python package `assay`, instead of the sources that the binary carries. For work on Assay itself.
pub const PYTHONPATH: &str = "ASSAY_PYTHONPATH";

/// The active virtual environment, set by its `activate`.
pub const VIRTUAL_ENV: &str = "VIRTUAL_ENV";

/// `1` keeps `huggingface_hub` from the network.
pub const HF_HUB_OFFLINE: &str = "HF_HUB_OFFLINE";
