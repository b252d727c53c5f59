//! The `assay` command: arguments, printing and exit codes. What it joins together is in the other crates.

#[macro_use]
mod say;

mod arguments;
mod configuration;
mod environment;
mod failure;
mod folders;
mod listing;
mod merging;
mod newest;
mod planning;
mod recorder;
mod replaying;
mod reporting;
mod running;
mod runs;
mod screen;
mod session;
mod subjects;

use std::process::ExitCode;

use arguments::{Arguments, Verb};
use clap::Parser;

fn main() -> ExitCode {
    // Clap's own `help` explains verbs only.
    if std::env::args().skip(1).eq(["help", "filter"]) {
        say!("{}", assay_catalog::filter::REFERENCE.trim_end());
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse();
    reporting::choose_color(arguments.color);
    let done = match arguments.verb {
        Verb::Run(arguments) => running::run(&arguments),
        Verb::List(arguments) => listing::list(&arguments.what),
        Verb::Report(arguments) => reporting::report(&arguments),
        Verb::Replay(arguments) => replaying::replay(&arguments),
        Verb::Runs(arguments) => runs::runs(&arguments.action),
        Verb::Merge(arguments) => merging::merge(&arguments),
        Verb::Init => configuration::init(),
        Verb::Config(arguments) => configuration::config(&arguments.action),
        Verb::Doctor(arguments) => environment::doctor(&arguments),
        Verb::Env(arguments) => environment::env(&arguments.action),
    };
    match done {
        Ok(code) => code.into(),
        Err(failure) => {
            anstream::eprintln!("{failure}");
            failure.exit.into()
        }
    }
}
