use std::collections::BTreeSet;

use assay_api::bench::Plan;
use assay_api::check::{CHECKS, CheckRow, Needs};
use assay_api::client::{CLIENT_CHECKS, ClientCheck};
use assay_api::dialect::{ALL, Dialect};
use assay_api::server::MODEL;
use assay_catalog::filter::{self, Filter};
use assay_catalog::{Candidate, ProbeOutcome};
use assay_config::{Loaded, Named};
use assay_model::{
    CheckSpec, ENDPOINT, Endpoint, Facts, Family, Lacking, Peer, Platform, Probed, Profile, Reach,
    Rule, Subject, Unavailable,
};
use serde::{Deserialize, Serialize};

use crate::arguments::TargetArguments;
use crate::failure::Failure;

/// A server that is to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The server.
    pub(crate) endpoint: Endpoint,
    /// Only these checks or groups, if any.
    only: Vec<String>,
    /// Why it is not asked.
    withheld: Option<Unavailable>,
}

/// How a worker asks an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EndpointRecipe {
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) withheld: Option<Unavailable>,
    /// It is a client that is checked: this command; Assay's own, if it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<Vec<String>>,
    /// The load that is put on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) load: Option<Plan>,
}

/// The server that the command line names: one of assay.toml, or an address.
pub(crate) fn named(arguments: &TargetArguments, loaded: &Loaded) -> Result<Target, Failure> {
    let word = arguments.target.as_str();
    if !word.contains("://") {
        let mut target = of_file(loaded, &[word.to_owned()], arguments.live)?
            .pop()
            .ok_or_else(|| Failure::internal("the endpoint is gone"))?;
        let endpoint = &mut target.endpoint;
        if let Some(name) = &arguments.dialect {
            dialect(name)?.name.clone_into(&mut endpoint.dialect);
        }
        endpoint.model = arguments.model.clone().unwrap_or(endpoint.model.clone());
        endpoint.name = arguments.name.clone().unwrap_or(endpoint.name.clone());
        endpoint.peer = arguments.peer.unwrap_or(endpoint.peer);
        if let Some(name) = &arguments.key_variable {
            endpoint.key_variable = Some(set(name)?);
        }
        target.withheld = withheld(endpoint, dialect(&endpoint.dialect)?, arguments.live);
        tell_unsigned(std::slice::from_ref(&target))?;
        return Ok(target);
    }
    let dialect = dialect(arguments.dialect.as_deref().unwrap_or("openai"))?;
    let base = word.trim_end_matches('/').to_owned();
    let model = arguments.model.clone().filter(|model| !model.is_empty());
    let model = model.ok_or_else(|| {
        Failure::usage("an address is asked for a model").hint("--model NAME says which")
    })?;
    let key_variable = match &arguments.key_variable {
        Some(name) => Some(set(name)?),
        None => own_key(dialect, &base),
    };
    let endpoint = Endpoint {
        name: arguments
            .name
            .clone()
            .unwrap_or_else(|| format!("{}/{model}", host(&base))),
        dialect: dialect.name.into(),
        base,
        model,
        key_variable,
        peer: arguments.peer.unwrap_or_default(),
    };
    let withheld = withheld(&endpoint, dialect, arguments.live);
    let target = Target {
        endpoint,
        only: Vec::new(),
        withheld,
    };
    target.is_right()?;
    tell_unsigned(std::slice::from_ref(&target))?;
    Ok(target)
}

/// Warns of servers whose dialect signs and for which no key is named: one that wants a signature refuses everything.
pub(crate) fn tell_unsigned(targets: &[Target]) -> Result<(), Failure> {
    let mut names = Vec::new();
    let mut mend = None;
    for Target {
        endpoint, withheld, ..
    } in targets
    {
        let dialect = dialect(&endpoint.dialect)?;
        if dialect.sign.is_some() && endpoint.key_variable.is_none() && withheld.is_none() {
            names.push(endpoint.name.as_str());
            mend = mend.or(dialect.endpoints.keys.first());
        }
    }
    if let Some(variable) = mend {
        anstream::eprintln!(
            "warning: what is asked of {} is not signed, since no key is named for it: --key-variable {variable} \
             (in assay.toml key-variable = \"{variable}\")",
            names.join(", ")
        );
    }
    Ok(())
}

/// Servers of assay.toml by their names; every one, if none is named.
pub(crate) fn of_file(
    loaded: &Loaded,
    names: &[String],
    live: bool,
) -> Result<Vec<Target>, Failure> {
    let all = &loaded.endpoints;
    let known =
        || {
            let known: Vec<&str> = all.iter().map(|its| its.name.as_str()).collect();
            match known.as_slice() {
            [] => "assay.toml has none: [endpoint.NAME]; an address begins with http:// or https://"
                .to_owned(),
            known => format!("assay.toml has {}", known.join(", ")),
        }
        };
    if names.is_empty() {
        if all.is_empty() {
            return Err(Failure::usage("there is no endpoint to run").hint(known()));
        }
        return all.iter().map(|named| of_table(named, live)).collect();
    }
    let one = |name: &String| {
        let named = all.iter().find(|its| &its.name == name).ok_or_else(|| {
            Failure::usage(format!("no endpoint is called `{name}`")).hint(known())
        })?;
        of_table(named, live)
    };
    names.iter().map(one).collect()
}

fn of_table(named: &Named, live: bool) -> Result<Target, Failure> {
    let table = &named.table;
    let wrong = |key: &str, failure: Failure| failure.within(&named.place(key));
    let dialect = dialect(table.dialect.get_ref()).map_err(|error| wrong("dialect", error))?;
    let only = table.checks.as_ref().map(|only| only.get_ref().clone());
    let only = only.unwrap_or_default();
    chosen(&only).map_err(|error| wrong("checks", error))?;
    let endpoint = Endpoint {
        name: named.name.clone(),
        dialect: dialect.name.into(),
        base: table.base.get_ref().trim_end_matches('/').to_owned(),
        model: table.model.clone(),
        key_variable: match &table.key_variable {
            Some(name) => Some(name.get_ref().clone()),
            None => own_key(dialect, table.base.get_ref()),
        },
        peer: table.peer,
    };
    let target = Target {
        withheld: withheld(&endpoint, dialect, live),
        endpoint,
        only,
    };
    target.is_right().map_err(|error| wrong("base", error))?;
    Ok(target)
}

/// The dialect's own variable that is set, for a server for which that is meant: the public one of the dialect, or any of a dialect whose
/// servers are one's own. The key of one service is not handed to another by itself.
fn own_key(dialect: &Dialect, base: &str) -> Option<String> {
    let own = host(dialect.endpoints.base);
    if host(base) != own && !is_here(own) {
        return None;
    }
    let mut names = dialect.endpoints.keys.iter();
    names
        .find(|name| is_set(name))
        .map(|name| (*name).to_owned())
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// A variable that the command line names. Not what clap asks of a value: clap would say it back, and it may be the key itself.
fn set(name: &str) -> Result<String, Failure> {
    assay_config::variable(name).map_err(|words| {
        let failure = Failure::usage(words).within("--key-variable");
        failure.hint(assay_config::VARIABLE_HINT)
    })?;
    if is_set(name) {
        return Ok(name.to_owned());
    }
    Err(Failure::setup(format!("the variable `{name}` is not set"))
        .hint(format!("export {name}=…, or leave --key-variable out")))
}

/// Why an endpoint is not asked: its key is not there, or may not leave this machine.
fn withheld(endpoint: &Endpoint, dialect: &Dialect, live: bool) -> Option<Unavailable> {
    let server = host(&endpoint.base);
    let missing = match &endpoint.key_variable {
        Some(name) => (!is_set(name)).then_some(name.as_str()),
        // A server of one's own may want no key; the public one does.
        None if server == host(dialect.endpoints.base) => dialect.endpoints.keys.first().copied(),
        None => None,
    };
    if let Some(name) = missing {
        return Some(Unavailable {
            kind: Lacking::NoKey,
            words: format!("the variable `{name}` holds no key"),
            mend: Some(format!("export {name}=…")),
        });
    }
    let leaves = endpoint.key_variable.is_some() && !is_here(server);
    (leaves && !live).then(|| Unavailable {
        kind: Lacking::NotLive,
        words: format!("a key goes to {server} only if that is said: it may cost money"),
        mend: Some("--live".into()),
    })
}

/// `host:port` of an address.
fn host(base: &str) -> &str {
    let rest = base.split("://").nth(1).unwrap_or(base);
    rest.split('/').next().unwrap_or(rest)
}

/// Whether a host is this machine.
fn is_here(server: &str) -> bool {
    let name = match server.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => server.rsplit_once(':').map_or(server, |(name, _)| name),
    };
    let address = name.parse::<std::net::IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

pub(crate) fn dialect(name: &str) -> Result<&'static Dialect, Failure> {
    Dialect::named(name).ok_or_else(|| {
        let known: Vec<&str> = ALL.iter().map(|dialect| dialect.name).collect();
        Failure::usage(format!("there is no dialect `{name}`"))
            .hint(format!("there are {}", known.join(", ")))
    })
}

/// The checks that are asked for by name or group; all of them, if none is.
pub(crate) fn chosen(only: &[String]) -> Result<Vec<CheckSpec>, Failure> {
    for name in only {
        let is_one = CHECKS
            .iter()
            .any(|row| row.id == name || row.id.split('.').next() == Some(name));
        if !is_one {
            return Err(Failure::usage(format!(
                "no check and no group of checks is called `{name}`"
            ))
            .hint("`assay api list` shows them"));
        }
    }
    let is_meant = |row: &&CheckRow| {
        let group = row.id.split('.').next().unwrap_or_default();
        only.is_empty() || only.iter().any(|name| name == row.id || name == group)
    };
    Ok(CHECKS.iter().filter(is_meant).map(spec).collect())
}

/// A check as the plan has it.
fn spec(row: &CheckRow) -> CheckSpec {
    let needs = row.needs.iter().map(|need| fact(*need).to_owned());
    let is_quick = ["connection.", "response."];
    CheckSpec {
        id: row.id.into(),
        profile: if is_quick.iter().any(|group| row.id.starts_with(group)) {
            Profile::Quick
        } else {
            Profile::Standard
        },
        asserts: row.asserts.into(),
        bug: row.specified.into(),
        needs: std::iter::once(ENDPOINT.to_owned()).chain(needs).collect(),
        rule: Rule::Full,
    }
}

/// What a check needs, as a fact of its subject.
fn fact(need: Needs) -> &'static str {
    match need {
        Needs::Can(capability) => capability.name(),
        Needs::Key => "key",
        Needs::Json => "json",
        Needs::Words => "words",
        Needs::RequestId => "request_id",
    }
}

/// The cases that endpoints are to have where they say which: for each, either it is another subject, or one of its checks.
pub(crate) fn narrowed(targets: &[Target]) -> Result<Option<Filter>, Failure> {
    let mut all: Option<Filter> = None;
    for target in targets.iter().filter(|target| !target.only.is_empty()) {
        let checks = target.only.iter().map(|name| match name.contains('.') {
            true => format!("check(={name})"),
            false => format!("check({name}.*)"),
        });
        let checks = checks.collect::<Vec<_>>().join(" | ");
        let text = format!("not subject(={}) | {checks}", target.subject());
        let one = filter::parse(&text)?;
        all = Some(match all {
            None => one,
            Some(before) => before.and(one),
        });
    }
    Ok(all)
}

impl Target {
    fn subject(&self) -> Subject {
        Subject::Endpoint(self.endpoint.clone())
    }

    /// Refused before anything is written.
    fn is_right(&self) -> Result<(), Failure> {
        crate::endpoint_worker::address(&self.endpoint).map_err(|error| {
            Failure::usage(error.words)
                .hint("an address is that of the dialect's routes: http://127.0.0.1:8000/v1")
        })
    }

    /// An endpoint with what its dialect says of it: nothing has to be probed.
    pub(crate) fn candidate(&self) -> Result<Candidate, Failure> {
        self.under(None)
    }

    /// The same under a load.
    pub(crate) fn under(&self, load: Option<Plan>) -> Result<Candidate, Failure> {
        let dialect = dialect(&self.endpoint.dialect)?;
        let mut has: BTreeSet<String> = dialect
            .capabilities
            .iter()
            .map(|its| its.name().to_owned())
            .collect();
        has.insert(ENDPOINT.into());
        if self.endpoint.key_variable.is_some() && dialect.endpoints.key.is_some() {
            has.insert("key".into());
        }
        if dialect.is_json() {
            has.insert("json".into());
        }
        if dialect.takes_words() {
            has.insert("words".into());
        }
        if dialect.endpoints.request_id.is_some() {
            has.insert("request_id".into());
        }
        let recipe = EndpointRecipe {
            withheld: self.withheld.clone(),
            client: None,
            load,
        };
        candidate(&self.endpoint, has, &recipe)
    }
}

fn candidate(
    endpoint: &Endpoint,
    has: BTreeSet<String>,
    recipe: &EndpointRecipe,
) -> Result<Candidate, Failure> {
    let facts = Facts {
        class: endpoint.dialect.clone(),
        family: Family::Other,
        parameters: 0,
        has,
        inputs: Vec::new(),
        changes: Vec::new(),
        seconds: 0.0,
        mode: String::new(),
        lost: Vec::new(),
        reach: Reach::default(),
    };
    let recipe = serde_json::to_value(recipe);
    Ok(Candidate {
        subject: Subject::Endpoint(endpoint.clone()),
        platform: Platform::REMOTE,
        family: None,
        class: None,
        expected: None,
        probe: ProbeOutcome::Answered(Probed::Ready {
            facts: Box::new(facts),
            recipe: recipe.map_err(|error| Failure::internal(error.to_string()))?,
        }),
    })
}

/// What a client is called in the record, and where it asks: a server of Assay's own for each check.
pub(crate) fn client(dialect: &Dialect, command: &[String]) -> Result<Candidate, Failure> {
    let name = match command {
        [] => "assay's client".to_owned(),
        command => command.join(" "),
    };
    let endpoint = Endpoint {
        name,
        dialect: dialect.name.into(),
        base: "a server of Assay's own".into(),
        model: MODEL.into(),
        key_variable: None,
        peer: Peer::SelfWritten,
    };
    let recipe = EndpointRecipe {
        withheld: None,
        client: Some(command.to_vec()),
        load: None,
    };
    candidate(&endpoint, [ENDPOINT.to_owned()].into(), &recipe)
}

/// The checks of a client that are asked for. What needs a client to be set up is asked of Assay's own alone.
pub(crate) fn client_checks(
    dialect: &Dialect,
    only: &[String],
    is_own: bool,
) -> Result<Vec<CheckSpec>, Failure> {
    let group = |id: &'static str| id.split('.').next().unwrap_or_default();
    for name in only {
        let is_one = CLIENT_CHECKS
            .iter()
            .any(|row| row.id == name || group(row.id) == name);
        if !is_one {
            return Err(Failure::usage(format!(
                "no check and no group of checks of a client is called `{name}`"
            ))
            .hint("`assay api list` shows them"));
        }
    }
    let is_meant = |row: &&ClientCheck| {
        let is_fit = is_own || group(row.id) == "retry";
        let is_named = only
            .iter()
            .any(|name| name == row.id || name == group(row.id));
        (row.applies)(dialect) && (is_named || (only.is_empty() && is_fit))
    };
    let spec = |row: &ClientCheck| CheckSpec {
        id: row.id.into(),
        profile: Profile::Standard,
        asserts: row.asserts.into(),
        bug: row.specified.into(),
        needs: vec![ENDPOINT.to_owned()],
        rule: Rule::Full,
    };
    Ok(CLIENT_CHECKS.iter().filter(is_meant).map(spec).collect())
}

/// The endpoint of a run that is taken up again, as it is now.
pub(crate) fn again(endpoint: &Endpoint, live: bool) -> Result<Target, Failure> {
    let dialect = dialect(&endpoint.dialect)?;
    Ok(Target {
        endpoint: endpoint.clone(),
        only: Vec::new(),
        withheld: withheld(endpoint, dialect, live),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_addresses() {
        for here in [
            "localhost:8000",
            "127.0.0.1",
            "127.3.2.1:80",
            "[::1]:80",
            "localhost",
        ] {
            assert!(is_here(here), "{here}");
        }
        for there in [
            "api.openai.com",
            "10.0.0.1:80",
            "[2001:db8::1]:80",
            "localhost.example:80",
        ] {
            assert!(!is_here(there), "{there}");
        }
    }
}
