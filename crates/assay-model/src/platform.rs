use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Unavailable;

/// How and where a subject runs: what executes it, on which of its devices, and in which numbers. In text `BACKEND[:DEVICE][@DTYPE]`: `cpu`,
/// `cuda:1`, `openvino@int8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Platform {
    /// What executes the model.
    pub backend: Backend,
    /// Which of its devices; none: the first.
    pub device: Option<Place>,
    /// Which numbers it computes with.
    pub dtype: Dtype,
}

/// One of the devices of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// As the backend counts them.
    Number(u16),
    /// As the table of backends names it.
    Name(&'static str),
}

/// The numbers that a platform is asked to compute with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dtype {
    /// 32-bit floating point, and nothing shorter in between: what a platform would compute in less by itself is asked not to.
    #[default]
    Float32,
    /// The model in bfloat16.
    Bfloat16,
    /// The model in 16-bit floating point.
    Float16,
    /// Weights held as eight-bit integers; what is computed is not.
    Int8,
    /// A float32 model as the platform computes it when nobody asks: with TF32, or in bfloat16, where that is its own choice.
    Default,
}

/// What a backend can do, by its own documentation; shown in `assay list platforms --json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Numbers that it can be asked for.
    pub dtypes: &'static [Dtype],
    /// One prepared model takes inputs of several shapes.
    pub dynamic_shapes: bool,
    /// It can write token by token.
    pub generation: bool,
    /// It can go backward.
    pub training: bool,
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
    /// Eager torch, half of the model read from disk as it is called, by accelerate.
    DiskOffload,
    /// Eager torch, the model cut by its own plan over two processes, which talk by gloo.
    TensorParallel,
    /// Eager torch on a GPU of NVIDIA.
    Cuda,
    /// Eager torch on a GPU of AMD.
    Rocm,
    /// Eager torch on a GPU of Apple.
    Mps,
    /// Eager torch on a GPU of Intel.
    Xpu,
    /// Eager torch on a TPU of Google, by torch-xla.
    Tpu,
    /// ONNX, run by onnxruntime's provider for Qualcomm's NPUs.
    Qualcomm,
    /// ONNX, run by onnxruntime's provider for TensorRT.
    Tensorrt,
    /// WebGPU in a browser.
    Webgpu,
    /// WebNN in a browser.
    Webnn,
    /// Elsewhere, behind an address: where an endpoint runs. No model can be asked to.
    Remote,
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
    /// What it should be: `platform`, `device`, `dtype`.
    pub kind: &'static str,
    /// The backend that has none of that name, if it is one of a backend.
    pub of: Option<&'static str>,
    /// What there is.
    pub known: Vec<&'static str>,
}

/// A backend's row in the table.
struct Row {
    name: &'static str,
    devices: Devices,
    capabilities: Capabilities,
}

/// How the devices of a backend are told apart.
#[derive(Clone, Copy)]
enum Devices {
    One,
    Counted,
    Named(&'static [&'static str]),
}

const FLOAT32: &[Dtype] = &[Dtype::Float32];
const HALF: &[Dtype] = &[Dtype::Float32, Dtype::Bfloat16, Dtype::Float16];
const HALF_OR_DEFAULT: &[Dtype] = &[
    Dtype::Float32,
    Dtype::Bfloat16,
    Dtype::Float16,
    Dtype::Default,
];
const OF_OPENVINO: &[Dtype] = &[
    Dtype::Float32,
    Dtype::Bfloat16,
    Dtype::Float16,
    Dtype::Int8,
    Dtype::Default,
];
const OF_ONNX: &[Dtype] = &[Dtype::Float32, Dtype::Float16];

const fn row(
    name: &'static str,
    devices: Devices,
    dtypes: &'static [Dtype],
    [dynamic_shapes, generation, training]: [bool; 3],
) -> Row {
    Row {
        name,
        devices,
        capabilities: Capabilities {
            dtypes,
            dynamic_shapes,
            generation,
            training,
        },
    }
}

impl Backend {
    /// Every backend that a model can be run on.
    pub const ALL: [Self; 17] = [
        Self::Cpu,
        Self::TorchCompile,
        Self::TorchExport,
        Self::Onnxruntime,
        Self::Openvino,
        Self::Executorch,
        Self::DiskOffload,
        Self::TensorParallel,
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

    /// What is said of each: shapes, generation and training by its own documentation, or that of `transformers.exporters`.
    const fn row(self) -> Row {
        use Devices::{Counted, Named, One};

        const ALL: [bool; 3] = [true; 3];
        const GRAPH: [bool; 3] = [true, true, false];
        match self {
            Self::Cpu => row("cpu", One, HALF, ALL),
            Self::TorchCompile => row("torch-compile", One, HALF, ALL),
            Self::TorchExport => row("torch-export", One, HALF, GRAPH),
            Self::Onnxruntime => row(
                "onnxruntime",
                Named(&["cpu", "cuda", "coreml", "directml"]),
                OF_ONNX,
                GRAPH,
            ),
            Self::Openvino => row("openvino", Named(&["cpu", "gpu"]), OF_OPENVINO, GRAPH),
            Self::Executorch => row("executorch", One, FLOAT32, GRAPH),
            Self::DiskOffload => row("disk-offload", One, FLOAT32, [true, true, false]),
            Self::TensorParallel => row("tensor-parallel", One, FLOAT32, ALL),
            Self::Cuda => row("cuda", Counted, HALF_OR_DEFAULT, ALL),
            Self::Rocm => row("rocm", Counted, HALF_OR_DEFAULT, ALL),
            Self::Mps => row("mps", One, HALF, ALL),
            Self::Xpu => row("xpu", Counted, HALF, ALL),
            Self::Tpu => row("tpu", Counted, HALF, ALL),
            Self::Qualcomm => row("qualcomm", One, FLOAT32, [false, true, false]),
            Self::Tensorrt => row("tensorrt", One, OF_ONNX, GRAPH),
            Self::Webgpu => row("webgpu", One, FLOAT32, GRAPH),
            Self::Webnn => row("webnn", One, FLOAT32, [false, true, false]),
            Self::Remote => row("remote", One, FLOAT32, [true, true, false]),
        }
    }

    /// The name on the command line, in the log and in the reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// One of its devices by its name, or which there are.
    fn place(self, device: &str) -> Result<Option<Place>, Vec<&'static str>> {
        let (place, known) = match self.row().devices {
            Devices::One => (None, Vec::new()),
            Devices::Counted => (device.parse().ok().map(Place::Number), Vec::new()),
            Devices::Named(names) => {
                let name = names.iter().find(|&&name| name == device);
                (name.map(|name| Place::Name(name)), names.to_vec())
            }
        };
        // The first device has no name of its own: one platform under two names would be prepared, and counted, twice.
        let is_first = match (place, known.first()) {
            (Some(Place::Number(number)), _) => number == 0,
            (Some(Place::Name(name)), Some(&first)) => name == first,
            _ => false,
        };
        place.ok_or(known).map(|place| (!is_first).then_some(place))
    }

    /// It in each of its numbers, on its first device.
    pub fn every(self) -> impl Iterator<Item = Platform> {
        let dtypes = self.capabilities().dtypes.iter();
        dtypes.filter_map(move |&dtype| Platform::of(self).with(dtype))
    }

    /// What it can do.
    #[must_use]
    pub fn capabilities(self) -> Capabilities {
        self.row().capabilities
    }
}

impl Dtype {
    /// All that there are.
    pub const ALL: [Self; 5] = [
        Self::Float32,
        Self::Bfloat16,
        Self::Float16,
        Self::Int8,
        Self::Default,
    ];

    /// The name on the command line, and after the `@` of a platform.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Bfloat16 => "bfloat16",
            Self::Float16 => "float16",
            Self::Int8 => "int8",
            Self::Default => "default",
        }
    }
}

impl Serialize for Dtype {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Platform {
    /// Eager torch on the processor, in float32: what all others are held against.
    pub const CPU: Self = Self::of(Backend::Cpu);

    /// Where endpoints run.
    pub const REMOTE: Self = Self::of(Backend::Remote);

    /// A backend as it is when nothing else is said of it.
    #[must_use]
    pub const fn of(backend: Backend) -> Self {
        Self {
            backend,
            device: None,
            dtype: Dtype::Float32,
        }
    }

    /// The same in other numbers. None if the backend does not have them.
    #[must_use]
    pub fn with(self, dtype: Dtype) -> Option<Self> {
        let has = self.backend.capabilities().dtypes.contains(&dtype);
        has.then_some(Self { dtype, ..self })
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
            text += &match device {
                Place::Number(number) => format!(":{number}"),
                Place::Name(name) => format!(":{name}"),
            };
        }
        if self.dtype != Dtype::Float32 {
            text += &format!("@{}", self.dtype.name());
        }
        f.pad(&text)
    }
}

impl FromStr for Platform {
    type Err = UnknownPlatform;

    fn from_str(text: &str) -> Result<Self, UnknownPlatform> {
        let (place, dtype) = match text.split_once('@') {
            Some((place, dtype)) => (place, Some(dtype)),
            None => (text, None),
        };
        let (name, device) = match place.split_once(':') {
            Some((name, device)) => (name, Some(device)),
            None => (place, None),
        };
        let backend = Backend::ALL
            .into_iter()
            .chain([Backend::Remote])
            .find(|backend| backend.name() == name)
            .ok_or_else(|| UnknownPlatform {
                part: name.to_owned(),
                kind: "platform",
                of: None,
                known: Backend::ALL.map(Backend::name).to_vec(),
            })?;
        let unknown = |part: &str, kind, known: Vec<&'static str>| UnknownPlatform {
            part: part.to_owned(),
            kind,
            of: Some(backend.name()),
            known,
        };
        let device = match device {
            None => None,
            Some(device) => backend
                .place(device)
                .map_err(|known| unknown(device, "device", known))?,
        };
        let dtypes = backend.capabilities().dtypes;
        let dtype = match dtype {
            None => Dtype::Float32,
            Some(name) => dtypes
                .iter()
                .copied()
                .find(|dtype| dtype.name() == name)
                .ok_or_else(|| {
                    let known = dtypes.iter().map(|its| its.name());
                    unknown(name, "dtype", known.collect())
                })?,
        };
        Ok(Self {
            backend,
            device,
            dtype,
        })
    }
}

impl fmt::Display for UnknownPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, kind, of, .. } = self;
        match of {
            Some(of) => write!(f, "`{of}` has no {kind} `{part}`"),
            None => write!(f, "there is no {kind} `{part}`"),
        }
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
        for name in [
            "cpu",
            "onnxruntime",
            "cuda",
            "cuda:1",
            "xpu:2",
            "cpu@bfloat16",
            "cuda:1@default",
            "openvino@int8",
            "openvino:gpu@float16",
        ] {
            let platform: Platform = name.parse().unwrap();
            assert_eq!(platform.to_string(), name);
            let json = serde_json::to_string(&platform).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Platform>(&json).unwrap(), platform);
        }
        for (name, short) in [
            ("cuda:0", "cuda"),
            ("onnxruntime:cpu", "onnxruntime"),
            ("openvino:cpu@int8", "openvino@int8"),
        ] {
            assert_eq!(name.parse::<Platform>().unwrap().to_string(), short);
        }
        assert!("cpu".parse::<Platform>().unwrap().is_reference());
        assert!("cpu@float32".parse::<Platform>().unwrap().is_reference());
        assert!(!"cuda".parse::<Platform>().unwrap().is_reference());
        assert!(!"cpu@bfloat16".parse::<Platform>().unwrap().is_reference());
    }

    #[test]
    fn what_is_wrong_with_a_name_is_said() {
        let unknown = |name: &str| name.parse::<Platform>().unwrap_err();
        assert_eq!(unknown("gpu").to_string(), "there is no platform `gpu`");
        assert!(unknown("gpu").known.contains(&"cuda"));
        assert_eq!(unknown("cuda:x").to_string(), "`cuda` has no device `x`");
        assert_eq!(unknown("mps:1").kind, "device", "it counts none");
        assert_eq!(unknown("openvino:1").known, ["cpu", "gpu"]);
        assert_eq!(unknown("").part, "");
        assert_eq!(unknown("cpu@int4").to_string(), "`cpu` has no dtype `int4`");
        let lacking = unknown("onnxruntime@bfloat16");
        assert_eq!(lacking.to_string(), "`onnxruntime` has no dtype `bfloat16`");
        assert_eq!(lacking.known, ["float32", "float16"]);
    }
}
