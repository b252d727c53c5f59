//! `cargo xtask`: set-up, build, run, tests and benchmarks, from nothing but a Rust toolchain, Python with pip and the registries.

mod alternatives;
mod battery;
mod bench;
mod coverage;
mod duckdb;
mod mutants;
mod npm;
mod peers;
mod platforms;
mod reference;
mod setup;
mod step;
mod summary;
mod tests;

use std::process::ExitCode;
use std::sync::LazyLock;

const USAGE: &str = "\
usage: cargo xtask run [ARGS…]              set up what is missing, then `assay run ARGS`; without ARGS the sampler and a real checkpoint
       cargo xtask test [--tier fast|full]  every test; fast leaves out what runs models (default: full)
       cargo xtask build                    build the release binary and print its path
       cargo xtask mutants [NAME…]          run the planted bugs: killed, survivors, falsely accused
       cargo xtask api-mutants              servers and clients with one fault each: killed, survivors, falsely accused
       cargo xtask coverage-table [PYTHON]  every base architecture, by family, into docs/coverage/ (of another environment: its interpreter)
       cargo xtask battery [SEED…]          every subject of the standard profile under ten seeds, or these, into docs/battery.md
       cargo xtask battery --from FILE…     the same of runs that there are, by their summary.json
       cargo xtask platforms PLATFORM,…     every base architecture on these platforms, into docs/platforms.md
       cargo xtask platforms --from FILE…   the same of runs that there are, by their summary.json
       cargo xtask api-peers [NAME…]        the checks of endpoints on servers that others wrote, into docs/api-peers.md
       cargo xtask api-peers --quick        those of them that take seconds, with the seed that `cargo xtask test` has
       cargo xtask reference [--from FILE…] the page of each check, and docs/costs.md; from summaries of whole runs and target/mutants.json
       cargo xtask bench architectures      60 architectures by Assay, pytest-xdist, fresh processes, and one process
       cargo xtask bench runner             what a unit costs: forked, spawned, and in the runner itself
       cargo xtask bench store              ingest, rebuild and queries of the store; log, planning and filters
       cargo xtask bench api [PART…]        the client for endpoints: its clock, requests a second, 2,000 streams (clock, requests, streams)";

fn main() -> ExitCode {
    LazyLock::force(&step::OWN);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["run", rest @ ..] => setup::run(rest),
        ["build"] => setup::build().map(|binary| {
            println!("{}", binary.display());
            ExitCode::SUCCESS
        }),
        ["test"] => tests::test(tests::Tier::Full),
        ["test", "--tier", "fast"] => tests::test(tests::Tier::Fast),
        ["test", "--tier", "full"] => tests::test(tests::Tier::Full),
        ["mutants", names @ ..] => mutants::mutants(names),
        ["api-mutants"] => tests::api_mutants(),
        ["coverage-table"] => coverage::table(None),
        ["coverage-table", python] => coverage::table(Some(python)),
        ["battery", "--from", files @ ..] if !files.is_empty() => battery::from(files),
        ["battery", seeds @ ..] => battery::battery(seeds),
        ["platforms", "--from", files @ ..] if !files.is_empty() => platforms::from(files),
        ["platforms", names] if !names.starts_with('-') => platforms::platforms(names),
        ["api-peers", "--quick"] => {
            setup::ready().and_then(|ready| peers::quick(&ready).map(|()| ExitCode::SUCCESS))
        }
        ["api-peers", names @ ..] if !names.iter().any(|name| name.starts_with('-')) => {
            peers::api_peers(names)
        }
        ["keep-peer", words @ ..] => peers::keep(words),
        ["reference"] => reference::reference(&[]),
        ["reference", "--from", files @ ..] if !files.is_empty() => reference::reference(files),
        ["bench", "architectures"] => alternatives::bench(),
        ["bench", "runner"] => bench::bench("assay-runner"),
        ["bench", "store"] => bench::bench("assay-store"),
        ["bench", "api", parts @ ..] => bench::without_python("assay-api", parts),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(3)
    })
}
