use assay_model::ReasonKind;

/// What a person can do about a case that did not pass, by the kind of its reason.
pub(crate) fn mend(kind: ReasonKind) -> &'static str {
    match kind {
        ReasonKind::MissingDependency => "install the package that the detail names",
        ReasonKind::NotAModel => "none: it is tested as a part of the model that the detail names",
        ReasonKind::PlatformUnavailable => {
            "run it on a machine that has the platform: `assay doctor` says what is here"
        }
        ReasonKind::UnsupportedByBackend => {
            "ask the backend for the operation that the detail names, or use another platform"
        }
        ReasonKind::Deadline => "give it more time with --timeout, or look at what it hangs in",
        ReasonKind::Memory => "give it more with --memory-limit, or run fewer workers",
        ReasonKind::Mock | ReasonKind::Unproven => {
            "find what stands in the model's place: a patched library, a stub, a preload"
        }
        ReasonKind::Signal | ReasonKind::Exit => {
            "run this one case with -v: what the worker printed last tells more"
        }
        ReasonKind::Probe | ReasonKind::Exception => {
            "the exception's frames name the place; report it to the library with the version"
        }
        ReasonKind::Setting => "ask the platform for float32: the detail names the setting",
        ReasonKind::FellBack => {
            "see that the backend's package is the one meant: something else ran the model in its place"
        }
        ReasonKind::Protocol
        | ReasonKind::WrongDevice
        | ReasonKind::Worker
        | ReasonKind::NothingObserved => "report it to Assay, with the run's log",
        ReasonKind::FailFast | ReasonKind::Interrupted => "`assay run --resume` runs it",
        ReasonKind::NoWorker => "`assay doctor` says what is missing",
        ReasonKind::NotRefused
        | ReasonKind::NonFinite
        | ReasonKind::Differs
        | ReasonKind::Unmoved
        | ReasonKind::Incomplete
        | ReasonKind::BrokenPromise
        | ReasonKind::Grows => {
            "a bug of the model or its library: `assay list checks` says which kind"
        }
    }
}
