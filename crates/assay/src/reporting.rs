use std::io::IsTerminal;

use assay_model::ExitCode;
use assay_report::{Look, Summary, junit, markdown, terminal};

use crate::arguments::{ColorWhen, ReportArguments, ReportFormat};
use crate::failure::Failure;
use crate::folders;

/// `assay report`: folds the log again, whatever reports there are. Ends with the exit code of the run that it shows.
pub(crate) fn report(arguments: &ReportArguments) -> Result<ExitCode, Failure> {
    let folder = folders::run_folder(&arguments.run)?;
    let run =
        assay_record::read_run(&folder).map_err(|error| Failure::record(error.to_string()))?;
    match arguments.format {
        ReportFormat::Terminal => say!("{}", terminal(&run, look()).trim_end()),
        ReportFormat::Markdown => say!("{}", markdown(&run).trim_end()),
        ReportFormat::Junit => {
            say!(
                "{}",
                junit(&run).map_err(|error| Failure::internal(error.to_string()))?
            );
        }
        ReportFormat::Json => print_json(&Summary::new(&run))?,
    }
    Ok(run.exit_code())
}

/// Takes `--color` for all that is printed.
pub(crate) fn choose_color(when: ColorWhen) {
    match when {
        ColorWhen::Auto => anstream::ColorChoice::Auto,
        ColorWhen::Always => anstream::ColorChoice::Always,
        ColorWhen::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// Colours and pictures for a person at a terminal, words elsewhere; `NO_COLOR` turns both off, `--color` decides before it.
pub(crate) fn look() -> Look {
    let rich = is_rich(std::io::stdout().is_terminal());
    Look {
        color: rich,
        pictures: rich,
    }
}

/// Whether colours and pictures are wanted on a stream.
pub(crate) fn is_rich(is_terminal: bool) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match anstream::ColorChoice::global() {
        anstream::ColorChoice::Always | anstream::ColorChoice::AlwaysAnsi => true,
        anstream::ColorChoice::Never => false,
        anstream::ColorChoice::Auto => is_terminal && !set("NO_COLOR") && !dumb,
    }
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::internal(error.to_string()))?;
    say!("{text}");
    Ok(())
}
