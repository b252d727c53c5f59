//! A platform in a Python environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a command prints.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Another environment, with the packages of the one that tests run in.
fn another_python(folder: &Path) -> PathBuf {
    let python = std::env::var_os("ASSAY_PYTHON").expect("set ASSAY_PYTHON");
    let packages = |python: &Path| {
        let words = [
            "-c",
            "import sysconfig; print(sysconfig.get_path('purelib'))",
        ];
        printed(Command::new(python).args(words))
    };
    let own = folder.join("own");
    let venv = ["-m", "venv", "--without-pip"];
    printed(Command::new(&python).args(venv).arg(&own));
    let executable = own.join("bin/python");
    let link = Path::new(&packages(&executable)).join("more.pth");
    std::fs::write(link, packages(Path::new(&python))).unwrap();
    executable
}

#[test]
fn a_platform_runs_in_the_python_that_is_named_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let own = another_python(folder.path());
    let preload = folder.path().join("says.py");
    let says = "import sys\n\
        from assay.platforms import torch_device, torch_export\n\
        for kind in (torch_device.TorchDevice, torch_export.PLATFORM):\n\
        \x20   kind.load = lambda self, load=kind.load: (load(self), setattr(self, 'settings', {'python': sys.executable}))\n";
    std::fs::write(&preload, says).unwrap();
    let named = format!("torch-export={}", own.display());
    let preload = preload.display().to_string();
    let words = [
        "bert",
        "--platform",
        "torch-export,cpu@bfloat16",
        "--platform-python",
        &named,
        "--preload",
        &preload,
        "--checks",
        "parity.loads,parity.outputs",
    ];
    let ran = crate::support::run(&words, None);
    assert_eq!(ran.code(), 0, "{}", ran.summary);
    assert_eq!((ran.count("planned"), ran.count("recorded")), (4, 4));
    let environment = &ran.summary["environment"];
    assert_eq!(
        environment["platforms"]["torch-export"]["executable"],
        own.display().to_string()
    );
    let main = environment["python"]["executable"].as_str().unwrap();
    let log = std::fs::read_to_string(ran.folder.path().join("report/events.jsonl")).unwrap();
    for (platform, python) in [
        ("torch-export", own.to_str().unwrap()),
        ("cpu@bfloat16", main),
    ] {
        let said = format!("\"python: {python}\"");
        assert_eq!(log.matches(&said).count(), 1, "{platform}");
    }
    let report = std::fs::read_to_string(ran.folder.path().join("report/report.md")).unwrap();
    assert!(report.contains("| python of torch-export | 3."), "{report}");
}

#[test]
fn what_is_wrong_with_a_python_of_a_platform_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let run = |named: &str| {
        let words = [
            "run",
            "bert",
            "--platform",
            "openvino",
            "--platform-python",
            named,
        ];
        let (code, _, stderr) = crate::support::say(folder.path(), &words);
        (code, stderr)
    };
    let (code, words) = run("openvino");
    assert!(
        code == 2 && words.contains("it is PLATFORM=PATH"),
        "{words}"
    );
    let (code, words) = run("cpu=python");
    assert!(
        code == 2
            && words.contains("no platform `cpu` that can have a Python of its own: torch-compile"),
        "{words}"
    );
    let (code, words) = run("openvino=/nowhere/python");
    assert!(
        code == 3
            && words.contains("the Python of openvino: /nowhere/python is not a Python that runs"),
        "{words}"
    );
    assert!(!folder.path().join(".assay").exists());
}
