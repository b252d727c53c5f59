use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Unavailable;

/// How and where a subject runs: what executes it, and on which of its devices. In text `BACKEND[:DEVICE]`: `cpu`, `cuda:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Platform {
    /// What executes the model.
    pub backend: Backend,
    /// Which of the devices of its kind, as the backend counts them; none: the first.
    pub device: Option<u16>,
}

/// What executes a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Backend {
    /// Eager torch on the processor. In float32 it is the reference of all others.
    Cpu,
    /// `torch.compile` (inductor) on the processor.
    TorchCompile,
    /// `torch.export`, and the exported program run by torch.
    TorchExport,
    /// ONNX, run by onnxruntime on the processor.
    Onnxruntime,
    /// OpenVINO's intermediate representation, run by its CPU plugin.
    Openvino,
    /// ExecuTorch with XNNPACK.
    Executorch,
    /// Eager torch on a GPU of NVIDIA.
    Cuda,
    /// Eager torch on a GPU of AMD.
    Rocm,
    /// Eager torch on a GPU of Apple.
    Mps,
    /// Eager torch on a GPU of Intel.
    Xpu,
    /// torch-xla on a TPU.
    Tpu,
    /// onnxruntime's provider for Qualcomm's NPUs.
    Qualcomm,
    /// onnxruntime's provider for TensorRT.
    Tensorrt,
    /// WebGPU in a browser.
    Webgpu,
    /// WebNN in a browser.
    Webnn,
}

/// What a machine has of a backend: found by looking, and confirmed by a small computation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Present {
    /// Versions of what it is made of, by package.
    pub versions: BTreeMap<String, String>,
    /// Its devices, each of which computed something.
    pub devices: Vec<Device>,
    /// What is lacking; none if a model can run on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacking: Option<Unavailable>,
}

/// A device of a backend.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Device {
    /// The name that the backend has for it.
    pub name: String,
    /// What the device calls itself.
    pub description: String,
    /// Bytes of its own memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Its compute capability, or what its maker has in the place of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
}

/// What is wrong with the name of a platform, and what there is instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownPlatform {
    /// The part that is unknown.
    pub part: String,
    /// What it should be: `platform`, `device`.
    pub kind: &'static str,
    /// What there is.
    pub known: Vec<&'static str>,
}

impl Backend {
    /// Every backend.
    pub const ALL: [Self; 15] = [
        Self::Cpu,
        Self::TorchCompile,
        Self::TorchExport,
        Self::Onnxruntime,
        Self::Openvino,
        Self::Executorch,
        Self::Cuda,
        Self::Rocm,
        Self::Mps,
        Self::Xpu,
        Self::Tpu,
        Self::Qualcomm,
        Self::Tensorrt,
        Self::Webgpu,
        Self::Webnn,
    ];

    /// The name on the command line, in the log and in the reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::TorchCompile => "torch-compile",
            Self::TorchExport => "torch-export",
            Self::Onnxruntime => "onnxruntime",
            Self::Openvino => "openvino",
            Self::Executorch => "executorch",
            Self::Cuda => "cuda",
            Self::Rocm => "rocm",
            Self::Mps => "mps",
            Self::Xpu => "xpu",
            Self::Tpu => "tpu",
            Self::Qualcomm => "qualcomm",
            Self::Tensorrt => "tensorrt",
            Self::Webgpu => "webgpu",
            Self::Webnn => "webnn",
        }
    }

    /// Whether its devices are counted.
    fn has_devices(self) -> bool {
        matches!(self, Self::Cuda | Self::Rocm | Self::Xpu | Self::Tpu)
    }
}

impl Platform {
    /// Eager torch on the processor, in float32: what all others are held against.
    pub const CPU: Self = Self::of(Backend::Cpu);

    /// A backend as it is when nothing else is said of it.
    #[must_use]
    pub const fn of(backend: Backend) -> Self {
        Self {
            backend,
            device: None,
        }
    }

    /// Whether it is the one that all others are compared with.
    #[must_use]
    pub fn is_reference(self) -> bool {
        self == Self::CPU
    }

    /// The type of `torch.device` on which every parameter, input and output must be.
    #[must_use]
    pub fn device_type(self) -> &'static str {
        match self.backend {
            // torch calls what AMD has by that name, too.
            Backend::Cuda | Backend::Rocm => "cuda",
            Backend::Mps => "mps",
            Backend::Xpu => "xpu",
            Backend::Tpu => "xla",
            _ => "cpu", // where inputs and outputs are handed over
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.backend.name().to_owned();
        if let Some(device) = self.device {
            text += &format!(":{device}");
        }
        f.pad(&text)
    }
}

impl FromStr for Platform {
    type Err = UnknownPlatform;

    fn from_str(text: &str) -> Result<Self, UnknownPlatform> {
        let (name, device) = match text.split_once(':') {
            Some((name, device)) => (name, Some(device)),
            None => (text, None),
        };
        let unknown = |part: &str, kind, known: Vec<&'static str>| UnknownPlatform {
            part: part.to_owned(),
            kind,
            known,
        };
        let backend = Backend::ALL
            .into_iter()
            .find(|backend| backend.name() == name)
            .ok_or_else(|| unknown(name, "platform", Backend::ALL.map(Backend::name).to_vec()))?;
        let device = match device {
            None => None,
            Some(index) => match index.parse() {
                Ok(index) if backend.has_devices() => Some(index),
                _ => return Err(unknown(index, "device", Vec::new())),
            },
        };
        Ok(Self { backend, device })
    }
}

impl fmt::Display for UnknownPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no {} `{}`", self.kind, self.part)
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error: UnknownPlatform| {
            serde::de::Error::custom(format!("{error}; there are: {}", error.known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for name in ["cpu", "onnxruntime", "cuda", "cuda:1", "xpu:0"] {
            let platform: Platform = name.parse().unwrap();
            assert_eq!(platform.to_string(), name);
            let json = serde_json::to_string(&platform).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Platform>(&json).unwrap(), platform);
        }
        assert!("cpu".parse::<Platform>().unwrap().is_reference());
        assert!(!"cuda".parse::<Platform>().unwrap().is_reference());
    }

    #[test]
    fn what_is_wrong_with_a_name_is_said() {
        let unknown = |name: &str| name.parse::<Platform>().unwrap_err();
        assert_eq!(unknown("gpu").to_string(), "there is no platform `gpu`");
        assert!(unknown("gpu").known.contains(&"cuda"));
        assert_eq!(unknown("cuda:x").to_string(), "there is no device `x`");
        assert_eq!(unknown("openvino:1").kind, "device", "it counts none");
        assert_eq!(unknown("").part, "");
    }
}
