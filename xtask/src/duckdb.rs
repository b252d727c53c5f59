use crate::npm::{Package, fetch};
use crate::setup::{cache, root};
use crate::step::Failed;

/// The package that carries the prebuilt library. Building DuckDB from source takes 20 minutes on two cores, this a second.
/// The version must be the one that the crate `duckdb` in `Cargo.toml` speaks.
const PACKAGE: Package = Package {
    name: "@duckdb/node-bindings-linux-x64@1.5.6-r.1",
    sha512: "21772b64913a904a8cd19e30c1d5671811d7fdface4b7dd53cd0300d743f43e16cf386f4e7c41ef78721ac208870d2651bc6375072145387817824315b998dd5",
};
const VERSION: &str = "1.5.6";
const LIBRARY: &str = "libduckdb.so";

/// Puts the library into `.duckdb`, where `.cargo/config.toml` says that it is, if it isn't there.
pub(crate) fn library() -> Result<(), Failed> {
    let folder = root().join(".duckdb");
    let marker = folder.join("version");
    let there = std::fs::read_to_string(&marker).is_ok_and(|version| version == VERSION);
    if there && folder.join(LIBRARY).is_file() {
        return Ok(());
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(format!(
            "no prebuilt DuckDB is pinned for this platform; put its library, version {VERSION}, into {}, and the text {VERSION} into {}",
            folder.display(),
            marker.display()
        ));
    }
    let kept = cache()?.join(format!("duckdb-{VERSION}"));
    if !kept.join(LIBRARY).is_file() {
        fetch(&PACKAGE, &kept)?;
    }
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(&folder).map_err(failed)?;
    // A copy, so that the build doesn't depend on the cache.
    std::fs::copy(kept.join(LIBRARY), folder.join(LIBRARY)).map_err(failed)?;
    std::fs::write(marker, VERSION).map_err(failed)
}
