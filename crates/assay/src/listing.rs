use assay_model::{Capabilities, ExitCode, Present};
use serde::Serialize;

use crate::arguments::Listed;
use crate::failure::Failure;
use crate::planning::make_plan;
use crate::reporting::print_json;
use crate::session::Session;
use crate::{architectures, configuration, subjects};

/// `assay list`.
pub(crate) fn list(what: &Listed) -> Result<ExitCode, Failure> {
    match what {
        Listed::Architectures {
            python,
            family,
            config,
            inputs,
            sensitivity,
            probed,
            run,
            shown,
        } => {
            let json = shown.as_json();
            let families = subjects::families(family)?;
            if *sensitivity {
                return architectures::sensitivity(run, json);
            }
            let mut session = Session::open(python)?;
            let catalog = session.catalog()?;
            match (config, inputs) {
                (Some(name), _) => architectures::config(&mut session, &catalog, name, json)?,
                (None, Some(name)) => architectures::inputs(&mut session, &catalog, name, json)?,
                (None, None) => {
                    let of_family = |family| families.is_empty() || families.contains(&family);
                    let rows: Vec<_> = catalog
                        .architectures()
                        .filter(|row| of_family(row.family))
                        .collect();
                    if *probed {
                        architectures::probed(&mut session, &catalog, &rows, json)?;
                    } else if json {
                        print_json(&rows)?;
                    } else {
                        for row in rows {
                            say!("{:<40} {:<20} {}", row.name, row.family.name(), row.class);
                        }
                    }
                }
            }
        }
        Listed::Platforms { python, shown } => {
            let found = Session::open(python)?.detect()?;
            let rows: Vec<PlatformRow> = found
                .into_iter()
                .map(|(backend, present)| PlatformRow {
                    platform: backend.name(),
                    available: present.lacking.is_none(),
                    capabilities: backend.capabilities(),
                    present,
                })
                .collect();
            if shown.as_json() {
                print_json(&rows)?;
            } else {
                for row in &rows {
                    say!("{}", row.line());
                }
            }
        }
        Listed::Workflows { python, shown } => {
            let catalog = Session::open(python)?.catalog()?;
            if shown.as_json() {
                print_json(&catalog.workflows())?;
            } else {
                for row in catalog.workflows() {
                    let links: Vec<&str> = row.links.values().map(String::as_str).collect();
                    say!(
                        "{:<34} {} ({})",
                        row.subject().to_string(),
                        row.says,
                        links.join(", ")
                    );
                }
            }
        }
        Listed::Checks { python, shown } => {
            // Without preloads there is nothing to ask a worker.
            let checks = if python.preload.is_empty() {
                assay_catalog::battery::battery()
            } else {
                Session::open(python)?.catalog()?.checks().to_vec()
            };
            if shown.as_json() {
                print_json(&checks)?;
            } else {
                for spec in checks {
                    let needs = if spec.needs.is_empty() {
                        String::new()
                    } else {
                        format!(" [needs {}]", spec.needs.join(", "))
                    };
                    say!("{:<34} {}{needs}", spec.id.as_str(), spec.asserts);
                }
            }
        }
        Listed::Cases {
            subjects,
            python,
            not_applicable,
            shown,
        } => {
            let settings = configuration::settings(subjects, None)?;
            let mut session = Session::open(python)?;
            let planned = make_plan(
                &mut session,
                subjects,
                &settings,
                subjects.seed.unwrap_or(0),
            )?;
            if *not_applicable {
                let rows: Vec<Lacking> = planned
                    .not_applicable
                    .iter()
                    .map(|row| Lacking {
                        subject: &row.subject,
                        check: &row.check,
                        lacks: &row.lacks,
                    })
                    .collect();
                if shown.as_json() {
                    print_json(&rows)?;
                } else {
                    for row in rows {
                        say!(
                            "{:<30} {:<34} lacks {}",
                            row.subject,
                            row.check,
                            row.lacks.join(", ")
                        );
                    }
                }
                return Ok(ExitCode::Passed);
            }
            let plan = &planned.plan;
            let rows = plan.units.iter().flat_map(|unit| {
                let checks = unit.checks.iter().filter_map(|&index| plan.check(index));
                let subject = unit.subject.to_string();
                checks.map(move |check| Case {
                    subject: subject.clone(),
                    platform: unit.platform.to_string(),
                    check: check.id.as_str(),
                })
            });
            if shown.as_json() {
                print_json(&rows.collect::<Vec<_>>())?;
            } else {
                for row in rows {
                    say!("{:<30} {:<6} {}", row.subject, row.platform, row.check);
                }
            }
        }
    }
    Ok(ExitCode::Passed)
}

#[derive(Serialize)]
struct Case<'a> {
    subject: String,
    platform: String,
    check: &'a str,
}

#[derive(Serialize)]
struct Lacking<'a> {
    subject: &'a str,
    check: &'a str,
    lacks: &'a [String],
}

/// What this machine has of a platform.
#[derive(Serialize)]
struct PlatformRow {
    platform: &'static str,
    available: bool,
    capabilities: Capabilities,
    #[serde(flatten)]
    present: Present,
}

impl PlatformRow {
    fn line(&self) -> String {
        let words = match &self.present.lacking {
            Some(lacking) => format!("{}: {lacking}", lacking.kind),
            None => {
                let versions = self.present.versions.iter();
                let versions: Vec<String> = versions
                    .map(|(package, version)| format!("{package} {version}"))
                    .collect();
                let devices = self.present.devices.iter();
                let devices: Vec<String> = devices
                    .map(|device| format!("{} ({})", device.name, device.description))
                    .collect();
                format!("{}; {}", versions.join(", "), devices.join(", "))
            }
        };
        let mark = if self.available { "here  " } else { "absent" };
        format!("{mark}  {:<13} {words}", self.platform)
    }
}
