//! The `assay` command: arguments, printing and exit codes. What it joins together is in the other crates.

#[macro_use]
mod say;

mod architectures;
mod arguments;
mod benching;
mod client_worker;
mod configuration;
mod endpoint_worker;
mod endpoints;
mod environment;
mod expectations;
mod failure;
mod folders;
mod golden;
mod history;
mod listing;
mod matrix;
mod merging;
mod newest;
mod planning;
mod recommending;
mod recorder;
mod replaying;
mod reporting;
mod resuming;
mod running;
mod runs;
mod screen;
mod session;
mod subjects;
mod targets;

use std::process::ExitCode;

use arguments::{Arguments, Verb};
use clap::{CommandFactory, Parser};

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
        Verb::History(arguments) => history::history(&arguments),
        Verb::Diff(arguments) => history::diff(&arguments),
        Verb::Matrix(arguments) => matrix::matrix(&arguments),
        Verb::Recommend(arguments) => recommending::recommend(&arguments),
        Verb::Golden(arguments) => golden::golden(&arguments.action),
        Verb::Api(arguments) => endpoints::api(&arguments.action),
        Verb::Store(arguments) => history::store(&arguments.action),
        Verb::Sql(arguments) => history::sql(&arguments),
        Verb::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                "assay",
                &mut std::io::stdout(),
            );
            Ok(assay_model::ExitCode::Passed)
        }
        Verb::Man => manual(),
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

/// One page for the command and every verb.
fn manual() -> Result<assay_model::ExitCode, failure::Failure> {
    let failed = |error: std::io::Error| failure::Failure::internal(error.to_string());
    let mut command = Arguments::command();
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .map_err(failed)?;
    for verb in command
        .get_subcommands()
        .filter(|verb| verb.get_name() != "help")
    {
        let man = clap_mangen::Man::new(verb.clone());
        page.extend(format!(".SH \"{}\"\n", verb.get_name().to_uppercase()).into_bytes());
        man.render_description_section(&mut page).map_err(failed)?;
        man.render_options_section(&mut page).map_err(failed)?;
    }
    say!("{}", String::from_utf8_lossy(&page).trim_end());
    Ok(assay_model::ExitCode::Passed)
}
