//! Rebuilds when a worker source is added, removed or changed: what is embedded must be what is there.

fn main() {
    println!("cargo::rerun-if-changed=../../python/assay");
    println!("cargo::rerun-if-changed=../../python/requirements.lock");
}
