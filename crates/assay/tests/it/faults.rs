//! Workers that misbehave: the right outcome on the right case, and every other case unharmed.

use crate::support::Ran;

const LIMITS: [&str; 8] = [
    "--checks",
    "forward.runs,forward.finite,fault.it,fault.after",
    "--timeout",
    "6",
    "--memory-limit",
    "600MiB",
    "--seed",
    "1",
];

/// Runs bert, which has the fault, and distilbert, which hasn't; asserts that nothing but `fault.it` of bert is no pass.
fn with_fault(name: &str, outcome: &str, reason: Option<&str>) -> Ran {
    let words: Vec<&str> = ["bert", "distilbert"].into_iter().chain(LIMITS).collect();
    let ran = crate::support::run(&words, Some(&format!("faults/{name}.py")));
    let faulty = ran.case("bert", "fault.it");
    assert_eq!(faulty["outcome"], outcome, "{faulty:#}");
    if let Some(reason) = reason {
        assert_eq!(faulty["reason"]["kind"], reason, "{faulty:#}");
    }
    for (subject, check, row) in ran.cases() {
        if (subject, check) != ("bert", "fault.it") {
            assert_eq!(row["outcome"], "passed", "{row:#}");
            assert_eq!(row["provenance"], "real", "{row:#}");
        }
    }
    assert_eq!((ran.count("planned"), ran.count("recorded")), (8, 8));
    assert_eq!(ran.code(), i32::from(outcome != "passed"));
    ran
}

/// Processes that have this run's folder in their environment.
fn left_behind(ran: &Ran) -> Vec<String> {
    let folder = ran.folder.path().display().to_string();
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    processes
        .filter(|path| {
            std::fs::read(path.join("environ"))
                .is_ok_and(|environ| String::from_utf8_lossy(&environ).contains(&folder))
        })
        .map(|path| path.display().to_string())
        .collect()
}

#[test]
fn a_segfault_crashes_its_case_alone() {
    let ran = with_fault("segfault", "crashed", Some("signal"));
    assert!(
        ran.case("bert", "fault.it")["reason"]["detail"]
            .as_str()
            .unwrap()
            .contains("SIGSEGV")
    );
}

#[test]
fn leaving_with_status_0_is_a_crash() {
    with_fault("exits_without_a_word", "crashed", Some("exit"));
}

#[test]
fn a_hang_in_c_times_out() {
    with_fault("hangs_in_c", "timed_out", Some("deadline"));
}

#[test]
fn ignoring_sigterm_does_not_help() {
    with_fault("ignores_sigterm", "timed_out", Some("deadline"));
}

#[test]
fn eating_memory_ends_at_the_cap() {
    with_fault("eats_memory", "out_of_memory", Some("memory"));
}

#[test]
fn eating_shared_memory_ends_at_the_cap() {
    with_fault("maps_shared_memory", "out_of_memory", Some("memory"));
}

#[test]
fn what_a_worker_leaves_behind_is_killed() {
    for name in ["leaves_a_grandchild", "leaves_a_daemon"] {
        let ran = with_fault(name, "passed", None);
        // The run is over: nothing of it may live.
        assert_eq!(left_behind(&ran), Vec::<String>::new(), "{name}");
        if name == "leaves_a_daemon" {
            let log =
                std::fs::read_to_string(ran.folder.path().join("report/events.jsonl")).unwrap();
            assert!(log.contains("\"strays\":1"), "the daemon is counted");
        }
    }
}

#[test]
fn closing_the_socket_is_a_crash() {
    with_fault("closes_its_sockets", "crashed", None);
}

#[test]
fn a_gigabyte_of_output_is_bounded() {
    let ran = with_fault("prints_a_gigabyte", "passed", None);
    let log = ran.folder.path().join("report/events.jsonl");
    assert!(std::fs::metadata(&log).unwrap().len() < 2_000_000);
    assert!(
        std::fs::read_to_string(&log)
            .unwrap()
            .contains("\"total_bytes\":1073741824")
    );
}

#[test]
fn garbage_on_the_socket_is_an_error() {
    with_fault("writes_garbage", "errored", Some("protocol"));
}

#[test]
fn speaking_for_another_unit_or_check_is_an_error() {
    with_fault("speaks_for_another", "errored", Some("protocol"));
    with_fault("reports_another_check", "errored", Some("protocol"));
}

#[test]
fn lying_about_the_device_is_an_error() {
    with_fault("lies_about_the_device", "errored", Some("wrong_device"));
}

#[test]
fn scratch_that_can_not_be_written_goes_all_the_same() {
    let ran = with_fault("fills_read_only_scratch", "passed", None);
    drop(ran);
    let left = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    let mine = left
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with("assay-unit")
        })
        .count();
    assert_eq!(mine, 0);
}

/// Runs bert, whose export has the fault, and distilbert, whose export hasn't, on a platform; asserts what becomes of bert's.
fn on_a_platform(name: &str, outcome: &str, detail: &str) -> Ran {
    let words = [
        "bert",
        "distilbert",
        "--platform",
        "torch-export",
        "--checks",
        "parity.prepares,parity.outputs",
        "--timeout",
        "20",
        "--memory-limit",
        "2GiB",
    ];
    let ran = crate::support::run(&words, Some(&format!("faults/{name}.py")));
    let faulty = ran.case("bert", "parity.prepares");
    assert_eq!(faulty["outcome"], outcome, "{faulty:#}");
    if outcome != "passed" {
        let words = faulty["reason"]["detail"].as_str().unwrap();
        assert!(words.contains(detail), "{faulty:#}");
    }
    // What loses the worker while it prepares the model would do so for every check.
    let after = ran.case("bert", "parity.outputs");
    if matches!(outcome, "crashed" | "timed_out") {
        assert_eq!(after["outcome"], "not_run", "{after:#}");
        let why = after["reason"]["detail"].as_str().unwrap();
        let begins = "it begins with what parity.prepares asks, which was lost: ";
        assert!(why.starts_with(begins), "{why}");
        assert!(why.contains(detail), "{why}");
    } else {
        assert_eq!(after["outcome"], outcome, "{after:#}");
    }
    for check in ["parity.prepares", "parity.outputs"] {
        assert_eq!(ran.case("distilbert", check)["outcome"], "passed");
    }
    assert_eq!((ran.count("planned"), ran.count("recorded")), (4, 4));
    assert_eq!(ran.code(), i32::from(outcome != "passed"));
    assert_eq!(left_behind(&ran), Vec::<String>::new(), "{name}");
    let left = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    let files = left.flat_map(|entry| std::fs::read_dir(entry.path()).into_iter().flatten());
    let units = files
        .flatten()
        .filter_map(|unit| std::fs::read_dir(unit.path()).ok());
    let artefact =
        |file: &std::fs::DirEntry| file.file_name().to_string_lossy().starts_with("artefact");
    assert_eq!(units.flatten().flatten().filter(artefact).count(), 0);
    ran
}

#[test]
fn a_backend_that_kills_its_process_crashes_its_case_and_no_other_is_asked() {
    on_a_platform("platform_crashes", "crashed", "SIGSEGV");
}

#[test]
fn a_backend_that_hangs_times_out_once() {
    on_a_platform("platform_hangs", "timed_out", "the deadline of the check");
}

#[test]
fn a_backend_that_fills_the_disk_is_stopped_at_its_stage_and_leaves_nothing() {
    on_a_platform(
        "platform_fills_the_disk",
        "failed",
        "export: OSError: [Errno 27] File too large",
    );
}

#[test]
fn many_files_count_together() {
    on_a_platform(
        "platform_fills_the_disk_by_many",
        "crashed",
        "its files took more than 2048 MiB, and it was killed in parity.prepares",
    );
}

/// The second process of a model that is cut over two.
#[test]
fn a_process_that_is_lost_in_the_middle_is_a_failure_of_the_run() {
    let words = [
        "mixtral",
        "llama",
        "--platform",
        "tensor-parallel",
        "--checks",
        "parity.loads,parity.outputs,parity.repeatable",
    ];
    let ran = crate::support::run(&words, Some("faults/platform_loses_a_rank.py"));
    assert_eq!(ran.case("mixtral", "parity.loads")["outcome"], "passed");
    for check in ["parity.outputs", "parity.repeatable"] {
        let lost = ran.case("mixtral", check);
        assert_eq!(lost["outcome"], "failed", "{lost:#}");
        let words = lost["reason"]["detail"].as_str().unwrap();
        let expected =
            "run: assay.platforms.tensor_parallel.RankFailed: rank 1: the process is gone";
        assert!(words.starts_with(expected), "{words}");
        assert_eq!(ran.case("llama", check)["outcome"], "passed");
    }
    assert_eq!(ran.code(), 1);
    assert_eq!(left_behind(&ran), Vec::<String>::new());
}

#[test]
fn a_thread_that_a_backend_leaves_ends_with_its_unit() {
    on_a_platform("platform_leaves_a_thread", "passed", "");
}
