use assay_model::{Family, Platform};
use proptest::prelude::*;

use super::*;

fn llama() -> CaseFacts<'static> {
    CaseFacts {
        subject: "llama",
        architecture: Some("llama"),
        class: Some("LlamaModel"),
        family: Some(Family::DecoderOnly),
        platform: Platform::CPU,
        check: Some(("batch.rows", Profile::Quick)),
        parameters: Some(120_000),
        previous: Some(Some(Previous {
            outcome: Outcome::Failed,
            provenance: Some(Provenance::Real),
            flaky: false,
            seconds: 6.0,
        })),
    }
}

fn takes(filter: &str) -> bool {
    parse(filter).unwrap().evaluate(&llama()).unwrap()
}

#[test]
fn what_a_filter_takes() {
    for filter in [
        "arch(llama*) & check(batch.*)",
        "family(decoder-only) - platform(openvino)",
        "not provenance(mock)",
        "class(Llama*)",
        "params(<500k)",
        "params(>=0.12M)&params(<=120_000)&params(=120k)",
        "last(failed)",
        "slow(>5s) and slow(<0.2m) and slow(>5999ms)",
        "check( =batch.rows )",
        "check(~tch.r)",
        "check(/^batch\\.(rows|order)$/)",
        "check(batch.{rows,order})",
        "check(batch.r?ws)",
        "profile(quick)",
        "!(arch(bert) | arch(t5))",
        "not not all()",
        "arch(bert) or arch(llama)",
        "none() + all()",
        "subject(\nllama\n)",
    ] {
        assert!(takes(filter), "{filter}");
    }
    for filter in [
        "arch(bert)",
        "arch(llam)",
        "all() - arch(llama)",
        "last(passed) | last(none) | last(flaky)",
        "params(>1M)",
        "check(=batch.*)",
        "none()",
        "not all()",
    ] {
        assert!(!takes(filter), "{filter}");
    }
}

#[test]
fn and_binds_more_than_or_and_a_difference_is_taken_from_the_left() {
    assert_eq!(
        parse("all() | none() & none()").unwrap().to_string(),
        "all() | (none() & none())"
    );
    assert_eq!(
        parse("arch(a) - arch(b) & arch(c) or not arch(d)")
            .unwrap()
            .to_string(),
        "((arch(a) & !arch(b)) & arch(c)) | !arch(d)"
    );
}

#[test]
fn what_is_not_known_is_not_ruled_out() {
    let unprobed = CaseFacts {
        class: None,
        parameters: None,
        check: None,
        previous: None,
        ..llama()
    };
    for (filter, answer) in [
        ("params(<1k)", None),
        ("not params(<1k)", None),
        ("arch(llama) & params(<1k)", None),
        ("arch(bert) & params(<1k)", Some(false)),
        ("params(<1k) & arch(bert)", Some(false)),
        ("arch(llama) | params(<1k)", Some(true)),
        ("params(<1k) | arch(llama)", Some(true)),
        ("check(batch.*) - arch(llama)", Some(false)),
        ("last(failed)", None),
    ] {
        assert_eq!(
            parse(filter).unwrap().evaluate(&unprobed),
            answer,
            "{filter}"
        );
    }
}

#[test]
fn an_error_points_at_the_column() {
    for (filter, column, part) in [
        ("", 1, "a filter is missing"),
        ("arch(llama) &", 14, "a filter is missing"),
        ("arch(llama) arch(bert)", 13, "an operator is missing"),
        ("arch(llama) & achr(x)", 15, "no filter `achr`"),
        ("all() & (arch(x)", 9, "not closed"),
        ("all())", 6, "closes nothing"),
        ("check(batch", 6, "not closed"),
        ("all() & params(500k)", 16, "no number of parameters"),
        ("params(<1.2.3)", 8, "no number"),
        ("slow(>5h)", 6, "no time"),
        ("last(fialed)", 6, "no outcome `fialed`"),
        ("all(x)", 5, "takes no argument"),
        ("arch()", 6, "names nothing"),
        ("arch", 5, "not followed by `(`"),
        ("arch([a)", 6, "unclosed"),
        ("arch(/a(/)", 6, "unclosed group"),
        ("llama", 1, "no filter `llama`"),
        ("é(x)", 1, "no filter `é`"),
        ("all() & 💥", 9, "no filter begins"),
    ] {
        let error = parse(filter).unwrap_err();
        assert_eq!(error.column(), column, "{filter}: {error}");
        assert!(error.to_string().contains(part), "{filter}: {error}");
    }
    insta::assert_snapshot!(parse("arch(llama*) & achr(bert)").unwrap_err(), @r"
    in the filter, column 16: there is no filter `achr`
      arch(llama*) & achr(bert)
                     ^^^^
    ");
}

#[test]
fn a_name_that_nothing_has_is_an_error_in_its_place() {
    let names = |kind: &str| (kind == "arch").then(|| vec!["bert".into(), "llama".into()]);
    let error = parse("all()")
        .unwrap()
        .or(parse("arch(lama)").unwrap())
        .validate(&names)
        .unwrap_err();
    assert_eq!(error.hint(), "did you mean llama?");
    insta::assert_snapshot!(error, @r"
    in the filter, column 17: no architecture matches `lama`
      (all()) | (arch(lama))
                      ^^^^
    ");
    assert!(
        parse("arch(b*) & check(x)")
            .unwrap()
            .validate(&names)
            .is_ok()
    );
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    for deep in [
        "(".repeat(100_000),
        "!".repeat(100_000),
        "not ".repeat(100_000),
    ] {
        assert!(parse(&deep).unwrap_err().to_string().contains("levels"));
    }
}

#[test]
fn the_reference_names_every_predicate() {
    for (name, _) in PREDICATES {
        assert!(REFERENCE.contains(&format!("`{name}(")), "{name}");
    }
}

fn filters() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("all()".to_owned()),
        Just("none()".to_owned()),
        "[a-z*?_.-]{1,8}".prop_map(|pattern| format!("arch({pattern})")),
        "[=~][a-z/*\\[{]{0,5}".prop_map(|pattern| format!("check({pattern})")),
        "[a-z]{0,3}".prop_map(|pattern| format!("class(/{pattern}(x)?/)")),
        (
            0_u32..2000,
            proptest::sample::select(vec!["<", "<=", "=", ">=", ">"]),
            proptest::sample::select(vec!["k", "M", "B", ""])
        )
            .prop_map(|(number, operator, unit)| format!("params({operator}{number}{unit})")),
        Just("last(failed)".to_owned()),
        Just("slow(>0.25s)".to_owned()),
    ];
    leaf.prop_recursive(6, 64, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("not {a}")),
            inner.clone().prop_map(|a| format!("({a})")),
            (
                inner.clone(),
                proptest::sample::select(vec![" & ", "|", " - ", " or ", " and ", "+"]),
                inner
            )
                .prop_map(|(a, operator, b)| format!("{a}{operator}{b}")),
        ]
    })
}

proptest! {
    /// Any text is a filter or an error whose place lies in the text.
    #[test]
    fn no_text_is_a_crash(text in ".{0,60}") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.column() <= text.chars().count() + 1);
            prop_assert!(!error.to_string().is_empty());
        }
    }

    /// The same for text that is made of the language's own parts.
    #[test]
    fn no_jumble_of_its_parts_is_a_crash(parts in proptest::collection::vec(
        prop_oneof![
            "[()!&|+*-]", Just("arch(".to_owned()), Just("not".to_owned()), Just("\\)".to_owned()), Just("/".to_owned()),
            Just("params(<".to_owned()), Just("last(none)".to_owned()), Just(" or ".to_owned()), Just("é".to_owned()), "[a-z0-9]{1,3}",
        ], 0..20)) {
        let text = parts.concat();
        if let Err(error) = parse(&text) {
            prop_assert!(error.column() <= text.chars().count() + 1);
        }
    }

    /// What is printed is read as the same filter.
    #[test]
    fn printing_loses_nothing(text in filters()) {
        let filter = parse(&text).unwrap();
        let again = parse(&filter.to_string()).unwrap();
        prop_assert_eq!(again.to_string(), filter.to_string());
        prop_assert_eq!(again.evaluate(&llama()), filter.evaluate(&llama()));
    }

    /// `not` turns every answer round, and `or` and `-` are made of the others.
    #[test]
    fn the_operators_obey_their_laws(a in filters(), b in filters()) {
        let answer = |text: String| parse(&text).unwrap().evaluate(&llama()).unwrap();
        prop_assert_eq!(answer(format!("not ({a})")), !answer(a.clone()));
        prop_assert_eq!(answer(format!("({a}) - ({b})")), answer(format!("({a}) & not ({b})")));
        prop_assert_eq!(answer(format!("({a}) | ({b})")), !answer(format!("not ({a}) & not ({b})")));
    }
}
