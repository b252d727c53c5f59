//! assay-env
