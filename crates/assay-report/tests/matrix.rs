//! What a matrix says, in each of its forms.

use assay_model::{Cell, Figures, State};
use assay_report::matrix::{Matrix, Order, csv, html, markdown, terminal};

fn cell(family: &str, subject: &str, platform: &str, state: State) -> Cell {
    let is_bad = state != State::Works;
    Cell {
        subject: subject.into(),
        architecture: Some(subject.into()),
        family: Some(family.to_owned()).filter(|family| !family.is_empty()),
        platform: platform.into(),
        run: "20261122-101500-0a1b".into(),
        started: Some("2026-11-22T10:15:00Z".into()),
        state,
        stage: is_bad.then(|| "export".into()),
        kind: is_bad.then(|| "exception".into()),
        detail: is_bad.then(|| "export: a | b <script>".into()),
        mend: is_bad.then(|| "report it".into()),
        provenance: Some("real".into()),
        cases: 6,
        passed: if is_bad { 2 } else { 6 },
        figures: Figures::default(),
    }
}

fn figures(cell: Cell, latency: f64, error: f64) -> Cell {
    let figures = Figures {
        latency_ratio: Some(latency),
        error_ratio: Some(error),
        ..Figures::default()
    };
    Cell { figures, ..cell }
}

fn skipped(platform: &str) -> Cell {
    Cell {
        kind: Some("platform_unavailable".into()),
        detail: Some("torch finds no device".into()),
        ..cell("vision", "vit", platform, State::Skipped)
    }
}

fn sample(order: Order) -> Matrix {
    let cells = vec![
        figures(cell("vision", "vit", "openvino", State::Works), 0.5, 1.1),
        cell("vision", "vit", "cpu", State::Works),
        skipped("cuda"),
        figures(cell("vision", "beit", "openvino", State::Works), 12.0, 1.0),
        cell("vision", "swin", "openvino", State::Fails),
        cell("audio", "wav2vec2", "openvino", State::Known),
        cell("", "./folder", "openvino", State::Mock),
    ];
    Matrix::new(cells, order)
}

#[test]
fn a_terminal_shows_families_totals_and_what_is_in_the_way() {
    insta::assert_snapshot!(terminal(&sample(Order::Subject), false, 200));
}

#[test]
fn what_is_too_wide_comes_in_several_tables() {
    let text = terminal(&sample(Order::Subject), false, 40);
    assert!(
        text.lines()
            .take_while(|line| !line.is_empty())
            .all(|line| line.chars().count() <= 40)
    );
    assert_eq!(
        text.matches("wav2vec2").count(),
        3,
        "two tables and the reason:\n{text}"
    );
    assert!(!text.contains('\x1b'));
    assert!(terminal(&sample(Order::Subject), true, 40).contains("\x1b[31m"));
}

#[test]
fn the_order_of_a_family_is_chosen() {
    let names = |order| -> Vec<String> {
        let matrix = sample(order);
        let family = matrix
            .families
            .iter()
            .find(|family| family.name == "vision")
            .unwrap();
        family.rows.iter().map(|row| row.subject.clone()).collect()
    };
    assert_eq!(names(Order::Subject), ["beit", "swin", "vit"]);
    assert_eq!(names(Order::State), ["swin", "vit", "beit"]);
    assert_eq!(names(Order::Error), ["vit", "beit", "swin"]);
    assert_eq!(names(Order::Latency), ["beit", "vit", "swin"]);
}

#[test]
fn totals_leave_out_what_was_not_executed() {
    let matrix = sample(Order::Subject);
    assert_eq!(matrix.platforms, ["cpu", "cuda", "openvino"]);
    let [cpu, cuda, openvino] = matrix.totals.as_slice() else {
        panic!("three platforms")
    };
    assert_eq!((cpu.works, cpu.executed()), (1, 1));
    assert_eq!((cuda.works, cuda.executed(), cuda.skipped), (0, 0, 1));
    assert_eq!(
        (
            openvino.works,
            openvino.known,
            openvino.fails,
            openvino.mock
        ),
        (2, 1, 1, 1)
    );
    assert_eq!(openvino.executed(), 5);
}

#[test]
fn markdown_escapes_what_would_break_it() {
    let text = markdown(&sample(Order::Subject));
    assert!(
        text.contains("| swin | openvino | export | exception: export: a \\| b &lt;script> |"),
        "{text}"
    );
    assert!(text.contains("| vision | 1 of 1 | 1 skipped | 2 of 3 |"));
    assert!(text.contains("| vit | ok | absent | ok 0.50× |"));
}

#[test]
fn a_page_escapes_what_would_break_it_and_loads_nothing() {
    let text = html(&sample(Order::Subject), "Run <x>.").unwrap();
    assert_eq!(text.matches("<script>").count(), 1, "its own alone");
    assert!(text.contains("Run &lt;x&gt;."));
    for foreign in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!text.contains(foreign), "{foreign}");
    }
    assert!(text.contains("data-latency=\"0.5\""));
    assert!(text.contains("<b>cuda</b> platform_unavailable: torch finds no device"));
}

#[test]
fn a_row_of_values_per_cell() {
    let text = csv(&sample(Order::Subject)).unwrap();
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let names = rows.headers().unwrap().clone();
    let of = |row: &csv::StringRecord, name: &str| {
        let at = names.iter().position(|its| its == name).unwrap();
        row.get(at).unwrap().to_owned()
    };
    let rows: Vec<csv::StringRecord> = rows.records().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), 7);
    let vit = rows
        .iter()
        .find(|row| of(row, "subject") == "vit" && of(row, "platform") == "openvino")
        .unwrap();
    assert_eq!(
        (
            of(vit, "state"),
            of(vit, "latency_ratio"),
            of(vit, "peak_bytes")
        ),
        ("works".into(), "0.5".into(), String::new())
    );
}
