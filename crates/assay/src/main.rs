//! The `assay` command: arguments, printing and exit codes. What it joins together is in the other crates.

#[macro_use]
mod say;

mod arguments;
mod environment;
mod failure;
mod folders;
mod listing;
mod recorder;
mod reporting;
mod running;
mod screen;
mod session;
mod subjects;

use std::process::ExitCode;

use arguments::{Arguments, Verb};
use clap::Parser;

fn main() -> ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Run(arguments) => running::run(&arguments),
        Verb::List(arguments) => listing::list(&arguments.what),
        Verb::Report(arguments) => reporting::report(&arguments),
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
