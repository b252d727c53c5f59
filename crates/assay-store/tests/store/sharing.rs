//! Several that have the file open at once.

use assay_store::{STORE_FILE, Store};

use crate::runs::two_runs;

#[test]
fn somebody_who_reads_the_file_hides_no_run() {
    let home = two_runs();
    drop(Store::open(home.path(), &home.runs[..1]).unwrap());
    // Another process, since DuckDB shares a file within one.
    let mut other = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "sharing::holds_the_file_open",
            "--ignored",
            "--nocapture",
        ])
        .env("ASSAY_TEST_HOLD", home.path().join(STORE_FILE))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(other.stdout.take().unwrap()));
    assert!(lines.any(|line| line.unwrap().contains("holding")));
    let store = Store::open(home.path(), &home.runs).unwrap();
    assert!(
        store.notices[0].contains("open elsewhere"),
        "{:?}",
        store.notices
    );
    assert_eq!(store.runs().unwrap(), ["a"]);
    drop(store);
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
    assert_eq!(home.open().runs().unwrap(), ["a", "b"]);
}

#[test]
#[ignore = "the other process of the test above"]
fn holds_the_file_open() {
    let path = std::env::var_os("ASSAY_TEST_HOLD").unwrap();
    let config = duckdb::Config::default()
        .access_mode(duckdb::AccessMode::ReadOnly)
        .unwrap();
    let _connection = duckdb::Connection::open_with_flags(path, config).unwrap();
    println!("holding");
    std::io::Read::read_to_end(&mut std::io::stdin(), &mut Vec::new()).unwrap();
}

#[test]
fn many_at_once_all_see_every_run() {
    let home = two_runs();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            // Each with a connection of its own; the lock is per open file, so it holds between threads, too.
            scope.spawn(|| assert_eq!(home.open().runs().unwrap(), ["a", "b"]));
        }
    });
}
