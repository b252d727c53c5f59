//! assay-catalog
