use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::tensor::{Dtype, Metadata};

use crate::Generator;

/// Longest header of a safetensors file that is read: the format's own limit (safetensors, `MAX_HEADER_SIZE`).
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Where the weights of a subject come from, independent of the worker.
#[derive(Debug)]
pub enum Weights {
    /// Drawn from a nonce.
    Nonce(u64),
    /// In the safetensors files of a checkpoint.
    Checkpoint(Vec<Shard>),
}

/// One safetensors file, its header read.
#[derive(Debug)]
pub struct Shard {
    file: File,
    metadata: Metadata,
    data_start: u64,
}

/// Why a weight can't be had.
#[derive(Debug, thiserror::Error)]
pub enum WeightError {
    /// A file of the checkpoint can't be read.
    #[error("can't read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not in the safetensors format.
    #[error("{} is not a safetensors file: {detail}", path.display())]
    NotSafetensors {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// No tensor of that name, or not of that shape.
    #[error("the checkpoint has no tensor `{name}` of the shape {shape:?}")]
    Missing {
        /// The parameter's name in the model.
        name: String,
        /// The shape it has there.
        shape: Vec<u64>,
    },
    /// A type that weights don't have.
    #[error("the tensor `{name}` is of type {dtype}, which is no type of weights")]
    Type {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: String,
    },
}

impl Weights {
    /// Opens every `*.safetensors` file of a folder; reads headers only.
    ///
    /// # Errors
    /// [`WeightError::Unreadable`] and [`WeightError::NotSafetensors`].
    pub fn of_checkpoint(folder: &Path) -> Result<Self, WeightError> {
        let unreadable = |source| WeightError::Unreadable {
            path: folder.into(),
            source,
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "safetensors")
            {
                paths.push(path);
            }
        }
        paths.sort();
        paths
            .into_iter()
            .map(Shard::open)
            .collect::<Result<_, _>>()
            .map(Self::Checkpoint)
    }

    /// `count` elements of a parameter, from flat index `start` on, `stride` apart.
    ///
    /// `scale` multiplies what a nonce gives, and `centre` is added; a checkpoint's values are as they are.
    pub(crate) fn elements(&self, wanted: &Elements) -> Result<Vec<f64>, WeightError> {
        match self {
            Self::Nonce(nonce) => {
                let generator = Generator::new(*nonce, wanted.name);
                // In f32, as the worker fills: the product of two f32 rounded once, and the sum once.
                let value = |i: u64| {
                    let variate = generator.variate(wanted.start + i * wanted.stride);
                    f64::from(wanted.centre + variate * wanted.scale)
                };
                Ok((0..wanted.count).map(value).collect())
            }
            Self::Checkpoint(shards) => shards
                .iter()
                .find_map(|shard| {
                    shard
                        .find(wanted)
                        .map(|(name, info)| shard.read(name, info, wanted))
                })
                .unwrap_or_else(|| {
                    Err(WeightError::Missing {
                        name: wanted.name.into(),
                        shape: wanted.shape.into(),
                    })
                }),
        }
    }
}

/// Which elements of a parameter are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elements<'a> {
    pub(crate) name: &'a str,
    pub(crate) shape: &'a [u64],
    pub(crate) start: u64,
    pub(crate) stride: u64,
    pub(crate) count: u64,
    pub(crate) centre: f32,
    pub(crate) scale: f32,
}

impl Shard {
    fn open(path: PathBuf) -> Result<Self, WeightError> {
        let unreadable = |source| WeightError::Unreadable {
            path: path.clone(),
            source,
        };
        let broken = |detail: String| WeightError::NotSafetensors {
            path: path.clone(),
            detail,
        };
        let file = File::open(&path).map_err(unreadable)?;
        let mut length = [0; 8];
        file.read_exact_at(&mut length, 0).map_err(unreadable)?;
        let header = u64::from_le_bytes(length);
        if header > MAX_HEADER_BYTES {
            return Err(broken(format!("its header claims {header} bytes")));
        }
        let size = usize::try_from(header).map_err(|error| broken(error.to_string()))?;
        let mut head = vec![0; size];
        file.read_exact_at(&mut head, 8).map_err(unreadable)?;
        let metadata: Metadata =
            serde_json::from_slice(&head).map_err(|error| broken(error.to_string()))?;
        Ok(Self {
            file,
            metadata,
            data_start: header + 8,
        })
    }

    /// A checkpoint may name a tensor with or without the prefix of the base model (`bert.embeddings…` for `embeddings…`), so one
    /// name may end in the other. The shape must agree.
    fn find(&self, wanted: &Elements) -> Option<(String, safetensors::tensor::TensorInfo)> {
        let ends = |long: &str, short: &str| {
            long.strip_suffix(short)
                .is_some_and(|head| head.ends_with('.'))
        };
        let names = [
            Some(wanted.name.to_owned()),
            before_parametrizations(wanted.name),
        ];
        let same = |name: &str| {
            names
                .iter()
                .flatten()
                .any(|wanted| name == wanted || ends(name, wanted) || ends(wanted, name))
        };
        self.metadata
            .tensors()
            .into_iter()
            .filter(|(name, info)| {
                same(name)
                    && info
                        .shape
                        .iter()
                        .map(|&n| n as u64)
                        .eq(wanted.shape.iter().copied())
            })
            // The same name is the surest, then the longest shared one: `norm.weight` is not `layers.1.norm.weight`.
            .max_by_key(|(name, _)| (name == wanted.name, name.len().min(wanted.name.len())))
            .map(|(name, info)| (name, info.clone()))
    }

    fn read(
        &self,
        name: String,
        info: safetensors::tensor::TensorInfo,
        wanted: &Elements,
    ) -> Result<Vec<f64>, WeightError> {
        let width = match info.dtype {
            Dtype::F64 => 8,
            Dtype::F32 => 4,
            Dtype::F16 | Dtype::BF16 => 2,
            other => {
                return Err(WeightError::Type {
                    name,
                    dtype: format!("{other:?}"),
                });
            }
        };
        let mut buffer = [0; 8];
        (0..wanted.count)
            .map(|i| {
                let bytes = &mut buffer[..width];
                let at = self.data_start
                    + info.data_offsets.0 as u64
                    + (wanted.start + i * wanted.stride) * width as u64;
                self.file
                    .read_exact_at(bytes, at)
                    .map_err(|source| WeightError::Unreadable {
                        path: name.clone().into(),
                        source,
                    })?;
                Ok(decode(info.dtype, &buffer))
            })
            .collect()
    }
}

/// The name that a weight-normed parameter has in a checkpoint from before `torch.nn.utils.parametrizations`
/// (`_weight_norm_compat_hook` there): `conv.weight_g` for `conv.parametrizations.weight.original0`.
fn before_parametrizations(name: &str) -> Option<String> {
    let (module, original) = name.split_once("parametrizations.weight.original")?;
    match original {
        "0" => Some(format!("{module}weight_g")),
        "1" => Some(format!("{module}weight_v")),
        _ => None,
    }
}

/// One little-endian number at the start of the buffer.
fn decode(dtype: Dtype, b: &[u8; 8]) -> f64 {
    match dtype {
        Dtype::F64 => f64::from_le_bytes(*b),
        Dtype::F32 => f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
        Dtype::BF16 => bf16::from_le_bytes([b[0], b[1]]).to_f64(),
        _ => f16::from_le_bytes([b[0], b[1]]).to_f64(),
    }
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::TensorView;

    use super::*;

    fn folder_with(name: &str, values: &[f32], shape: Vec<usize>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F32, shape, &bytes).unwrap();
        safetensors::serialize_to_file(
            [(name, view)],
            None,
            &folder.path().join("model.safetensors"),
        )
        .unwrap();
        folder
    }

    fn wanted<'a>(name: &'a str, shape: &'a [u64]) -> Elements<'a> {
        Elements {
            name,
            shape,
            start: 1,
            stride: 2,
            count: 2,
            centre: 0.0,
            scale: 1.0,
        }
    }

    #[test]
    fn elements_come_out_of_the_file_with_a_stride() {
        let folder = folder_with("bert.pooler.weight", &[0.0, 1.5, 2.0, 3.5], vec![2, 2]);
        let weights = Weights::of_checkpoint(folder.path()).unwrap();
        for name in [
            "bert.pooler.weight",
            "pooler.weight",
            "model.bert.pooler.weight",
        ] {
            assert_eq!(
                weights.elements(&wanted(name, &[2, 2])).unwrap(),
                [1.5, 3.5]
            );
        }
    }

    #[test]
    fn a_weight_norm_is_found_by_its_names_of_old_and_of_today() {
        for name in [
            "encoder.conv.weight_v",
            "encoder.conv.parametrizations.weight.original1",
        ] {
            let folder = folder_with(name, &[0.0, 1.5, 2.0, 3.5], vec![2, 2]);
            let weights = Weights::of_checkpoint(folder.path()).unwrap();
            let wanted_of = |part| format!("conv.parametrizations.weight.original{part}");
            assert_eq!(
                weights.elements(&wanted(&wanted_of(1), &[2, 2])).unwrap(),
                [1.5, 3.5]
            );
            assert!(weights.elements(&wanted(&wanted_of(0), &[2, 2])).is_err());
        }
    }

    #[test]
    fn another_name_or_shape_is_missing() {
        let folder = folder_with("bert.pooler.weight", &[0.0, 1.0, 2.0, 3.0], vec![2, 2]);
        let weights = Weights::of_checkpoint(folder.path()).unwrap();
        for (name, shape) in [
            ("ooler.weight", &[2_u64, 2][..]),
            ("pooler.weight", &[4]),
            ("weight2", &[2, 2]),
        ] {
            assert!(
                matches!(
                    weights.elements(&wanted(name, shape)),
                    Err(WeightError::Missing { .. })
                ),
                "{name}"
            );
        }
    }

    #[test]
    fn a_file_that_lies_about_its_header_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("model.safetensors"),
            u64::MAX.to_le_bytes(),
        )
        .unwrap();
        assert!(matches!(
            Weights::of_checkpoint(folder.path()),
            Err(WeightError::NotSafetensors { .. })
        ));
    }
}
