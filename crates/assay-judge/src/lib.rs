//! assay-judge
