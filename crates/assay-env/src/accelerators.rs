use std::path::Path;

use assay_model::{Backend, Lacking, Unavailable};
use nvml_wrapper::Nvml;
use serde::Serialize;

/// A device that computes beside the processor, as the bus and its driver know it: whether a model runs on it is for a worker to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accelerator {
    /// Its place on the PCI bus: `0000:65:00.0`.
    pub address: String,
    /// Its maker, or the maker's number.
    pub maker: String,
    /// What its driver calls it, or its number.
    pub name: String,
    /// The kernel's driver that holds it, and its version where that is known; none if nothing drives it.
    pub driver: Option<String>,
    /// Bytes of its own memory, where the driver says.
    pub memory_bytes: Option<u64>,
    /// Its compute capability, where the driver says.
    pub capability: Option<String>,
}

/// Numbers of makers on the PCI bus (`pci.ids`) whose devices can compute.
const MAKERS: [(&str, &str); 6] = [
    ("0x10de", "NVIDIA"),
    ("0x1002", "AMD"),
    ("0x8086", "Intel"),
    ("0x1ae0", "Google"),
    ("0x17cb", "Qualcomm"),
    ("0x1da3", "Habana"),
];

/// Classes of PCI devices that compute: displays, and processing accelerators.
const CLASSES: [&str; 2] = ["0x03", "0x12"];

/// The accelerators of this machine; none where the system has no `/sys`.
#[must_use]
pub fn accelerators() -> Vec<Accelerator> {
    let mut found = on_bus(Path::new("/sys/bus/pci/devices"));
    // The library of NVIDIA's driver is looked for at run time, and only where there is a use for it.
    if found.iter().any(|device| device.maker == "NVIDIA")
        && let Ok(nvml) = Nvml::init()
    {
        for device in found.iter_mut().filter(|its| its.maker == "NVIDIA") {
            describe(device, &nvml);
        }
    }
    found
}

/// What a machine with these accelerators lacks of a platform, whatever its packages say: a package helps nobody who has no device. None if
/// it is for the worker to say.
#[must_use]
pub fn lacking(backend: Backend, accelerators: &[Accelerator]) -> Option<Unavailable> {
    let of = |kind, words: String, mend: Option<String>| Some(Unavailable { kind, words, mend });
    let maker = match backend {
        Backend::Cuda | Backend::Tensorrt => "NVIDIA",
        Backend::Rocm => "AMD",
        Backend::Xpu => "Intel",
        Backend::Tpu => "Google",
        Backend::Mps if !cfg!(target_os = "macos") => {
            let words = "only macOS has Metal".to_owned();
            return of(Lacking::NotSupportedHere, words, None);
        }
        _ => return None,
    };
    // Elsewhere, and in Windows' own Linux, devices are on no bus that can be looked at.
    if !Path::new("/sys/bus/pci").exists() || Path::new("/dev/dxg").exists() {
        return None;
    }
    let mut own = accelerators
        .iter()
        .filter(|its| its.maker == maker)
        .peekable();
    if own.peek().is_none() {
        let words = format!("there is no device of {maker} on the PCI bus");
        return of(Lacking::NoDevice, words, None);
    }
    let held = own.clone().any(|its| its.driver.is_some());
    let address = own.next().map_or("", |its| &its.address);
    if held {
        return None;
    }
    let words = format!("no driver holds the device of {maker} at {address}");
    of(
        Lacking::NoDriver,
        words,
        Some(format!("install {maker}'s driver")),
    )
}

/// What `/sys` says of the devices of known makers.
fn on_bus(devices: &Path) -> Vec<Accelerator> {
    let Ok(entries) = std::fs::read_dir(devices) else {
        return Vec::new();
    };
    let mut found: Vec<Accelerator> = entries
        .flatten()
        .filter_map(|entry| {
            let read = |file: &str| {
                let text = std::fs::read_to_string(entry.path().join(file)).ok()?;
                Some(text.trim().to_owned())
            };
            let class = read("class")?;
            let (vendor, device) = (read("vendor")?, read("device")?);
            let (_, maker) = MAKERS.iter().find(|(number, _)| *number == vendor)?;
            let driver = std::fs::read_link(entry.path().join("driver")).ok();
            let driver = driver.and_then(|path| path.file_name().map(ToOwned::to_owned));
            CLASSES
                .iter()
                .any(|its| class.starts_with(its))
                .then(|| Accelerator {
                    address: entry.file_name().to_string_lossy().into_owned(),
                    maker: (*maker).to_owned(),
                    name: format!("device {device}"),
                    driver: driver.map(|name| name.to_string_lossy().into_owned()),
                    memory_bytes: None,
                    capability: None,
                })
        })
        .collect();
    found.sort_by(|a, b| a.address.cmp(&b.address));
    found
}

/// What NVIDIA's driver adds.
fn describe(accelerator: &mut Accelerator, nvml: &Nvml) {
    let Ok(device) = nvml.device_by_pci_bus_id(accelerator.address.as_str()) else {
        return;
    };
    if let Ok(name) = device.name() {
        accelerator.name = name;
    }
    accelerator.memory_bytes = device.memory_info().ok().map(|memory| memory.total);
    accelerator.capability = device
        .cuda_compute_capability()
        .ok()
        .map(|its| format!("{}.{}", its.major, its.minor));
    if let Ok(version) = nvml.sys_driver_version() {
        accelerator.driver = Some(format!("nvidia {version}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(folder: &Path, address: &str, files: [&str; 3], driver: Option<&str>) {
        let own = folder.join(address);
        std::fs::create_dir_all(&own).unwrap();
        for (name, text) in ["class", "vendor", "device"].iter().zip(files) {
            std::fs::write(own.join(name), format!("{text}\n")).unwrap();
        }
        if let Some(driver) = driver {
            std::os::unix::fs::symlink(format!("../drivers/{driver}"), own.join("driver")).unwrap();
        }
    }

    #[test]
    fn what_computes_is_told_from_what_does_not_and_from_what_nothing_drives() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        device(
            at,
            "0000:65:00.0",
            ["0x030200", "0x10de", "0x2330"],
            Some("nvidia"),
        );
        device(at, "0000:03:00.0", ["0x030000", "0x1002", "0x744c"], None);
        device(
            at,
            "0000:00:0b.0",
            ["0x120000", "0x8086", "0x7d1d"],
            Some("intel_vpu"),
        );
        // A network card of NVIDIA, and a display that can't compute.
        device(
            at,
            "0000:17:00.0",
            ["0x020000", "0x10de", "0x1021"],
            Some("mlx5_core"),
        );
        device(
            at,
            "0000:02:00.0",
            ["0x030000", "0x1a03", "0x2000"],
            Some("ast"),
        );
        let found = on_bus(at);
        let short: Vec<(&str, &str, Option<&str>)> = found
            .iter()
            .map(|its| (its.maker.as_str(), its.name.as_str(), its.driver.as_deref()))
            .collect();
        assert_eq!(
            short,
            [
                ("Intel", "device 0x7d1d", Some("intel_vpu")),
                ("AMD", "device 0x744c", None),
                ("NVIDIA", "device 0x2330", Some("nvidia")),
            ]
        );
    }

    #[test]
    fn a_device_and_a_driver_come_before_a_package() {
        let of = |maker: &str, driver: Option<&str>| Accelerator {
            address: "0000:65:00.0".into(),
            maker: maker.into(),
            name: "device".into(),
            driver: driver.map(str::to_owned),
            memory_bytes: None,
            capability: None,
        };
        let kind = |backend, list: &[Accelerator]| lacking(backend, list).map(|its| its.kind);
        if Path::new("/sys/bus/pci").exists() && !Path::new("/dev/dxg").exists() {
            assert_eq!(kind(Backend::Cuda, &[]), Some(Lacking::NoDevice));
            let amd = [of("AMD", None)];
            assert_eq!(kind(Backend::Cuda, &amd), Some(Lacking::NoDevice));
            assert_eq!(kind(Backend::Rocm, &amd), Some(Lacking::NoDriver));
            let both = [of("NVIDIA", None), of("NVIDIA", Some("nvidia"))];
            assert_eq!(kind(Backend::Cuda, &both), None, "for the worker to try");
        }
        assert_eq!(kind(Backend::Openvino, &[]), None);
        assert_eq!(
            kind(Backend::Mps, &[]).is_some(),
            !cfg!(target_os = "macos")
        );
    }

    #[test]
    fn a_system_without_a_bus_has_none() {
        assert_eq!(on_bus(Path::new("/no/such/folder")), []);
    }
}
