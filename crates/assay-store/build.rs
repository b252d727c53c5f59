//! Says where DuckDB's library is when a test or an example runs.

fn main() {
    println!("cargo::rerun-if-env-changed=DUCKDB_LIB_DIR");
    let folder = std::env::var("DUCKDB_LIB_DIR").unwrap_or_default();
    println!("cargo::rerun-if-changed={folder}");
    if !std::path::Path::new(&folder).join("libduckdb.so").is_file() {
        println!(
            "cargo::error=there is no libduckdb.so in `{folder}`: `cargo xtask build` fetches it"
        );
    }
    println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
}
