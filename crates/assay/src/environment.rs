use assay_env::{MINIMUM_PYTHON, MINIMUM_TRANSFORMERS};
use assay_model::ExitCode;
use serde::Serialize;

use crate::arguments::{DoctorArguments, EnvAction};
use crate::failure::Failure;
use crate::folders;
use crate::reporting::print_json;

/// One thing that matters, as found.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    found: Option<String>,
    wanted: String,
    ok: bool,
    /// The command that mends it.
    mend: Option<String>,
}

/// `assay doctor`: what is there, what is missing, and what mends it. Set-up's exit code if something that is needed is missing.
pub(crate) fn doctor(arguments: &DoctorArguments) -> Result<ExitCode, Failure> {
    let cache = folders::cache()?;
    let found = assay_env::find(arguments.python.python.as_deref(), Some(&cache));
    let mut findings = Vec::new();
    match &found {
        Ok(python) => {
            let executable = format!("{} ({})", python.version, python.executable.display());
            findings.push(Finding {
                what: "python",
                found: Some(executable),
                wanted: format!("{}.{} or later", MINIMUM_PYTHON.0, MINIMUM_PYTHON.1),
                ok: true,
                mend: None,
            });
            for (what, wanted) in [
                ("torch", "any".to_owned()),
                ("transformers", format!("{MINIMUM_TRANSFORMERS} or later")),
                ("safetensors", "any".into()),
                ("numpy", "any".into()),
                ("tokenizers", "for checkpoints with a tokenizer".into()),
                ("timm", "for architectures with a timm backbone".into()),
            ] {
                let version = python.packages.get(what).cloned();
                let ok = version.is_some();
                let mend =
                    (!ok).then(|| format!("{} -m pip install {what}", python.executable.display()));
                findings.push(Finding {
                    what,
                    found: version,
                    wanted,
                    ok,
                    mend,
                });
            }
        }
        Err(error) => findings.push(Finding {
            what: "python",
            found: Some(error.to_string()),
            wanted: format!(
                "{}.{} or later with torch and transformers",
                MINIMUM_PYTHON.0, MINIMUM_PYTHON.1
            ),
            ok: false,
            mend: Some(error.hint()),
        }),
    }
    let (processor, features) = assay_env::processor();
    findings.push(Finding {
        what: "processor",
        found: Some(format!("{processor} ({})", features.join(", "))),
        wanted: "any".into(),
        ok: true,
        mend: None,
    });
    for device in assay_env::accelerators() {
        let details = [
            device
                .memory_bytes
                .map(|bytes| format!("{} MiB", bytes >> 20)),
            device
                .capability
                .map(|its| format!("compute capability {its}")),
            device.driver.clone().map(|name| format!("driver {name}")),
        ];
        let details: Vec<String> = details.into_iter().flatten().collect();
        let ok = device.driver.is_some();
        findings.push(Finding {
            what: "accelerator",
            found: Some(format!(
                "{} {} at {} ({})",
                device.maker,
                device.name,
                device.address,
                if ok {
                    details.join(", ")
                } else {
                    "no driver holds it".into()
                }
            )),
            wanted: "a driver; `assay list platforms` tries it".into(),
            ok,
            mend: (!ok).then(|| format!("install {}'s driver", device.maker)),
        });
    }
    let memory = assay_env::physical_memory() >> 20;
    findings.push(Finding {
        what: "memory",
        found: Some(format!("{memory} MiB")),
        wanted: "2048 MiB or more".into(),
        // The template takes about 750 MB, each worker some hundred (`FACTS.md`).
        ok: memory >= 2048,
        mend: None,
    });
    if arguments.shown.as_json() {
        print_json(&findings)?;
    } else {
        for finding in &findings {
            let mark = if finding.ok { "ok     " } else { "missing" };
            let found = finding.found.as_deref().unwrap_or("not installed");
            say!(
                "{mark}  {:<13} {found}  (wanted: {})",
                finding.what,
                finding.wanted
            );
            if let Some(mend) = &finding.mend {
                say!("         mend: {mend}");
            }
        }
    }
    Ok(if found.is_ok() {
        ExitCode::Passed
    } else {
        ExitCode::Setup
    })
}

/// `assay env`.
pub(crate) fn env(action: &EnvAction) -> Result<ExitCode, Failure> {
    let cache = folders::cache()?;
    match action {
        EnvAction::Create { python } => {
            let base = assay_env::base_python(python.as_deref()).map_err(|error| {
                Failure::setup(error.to_string()).hint("a Python 3.11 or later with pip is needed")
            })?;
            let made = assay_env::create(&base, &cache, &mut |step| anstream::eprintln!("{step}"))
                .map_err(|error| {
                    Failure::setup(error.to_string()).hint(
                        "the network, or a mirror in pip's and uv's own settings, is needed once",
                    )
                })?;
            say!("{}", made.display());
        }
        EnvAction::Show { python, shown } => {
            let environment = assay_env::find(python.python.as_deref(), Some(&cache))
                .map_err(|error| Failure::setup(error.to_string()).hint(error.hint()))?;
            if shown.as_json() {
                print_json(&environment)?;
            } else {
                say!(
                    "python       {} ({})",
                    environment.version,
                    environment.executable.display()
                );
                for (name, version) in &environment.packages {
                    say!("{name:<12} {version}");
                }
            }
        }
    }
    Ok(ExitCode::Passed)
}
