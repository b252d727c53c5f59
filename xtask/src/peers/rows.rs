use crate::npm::Package;

/// A server that others wrote, started to be checked.
pub(super) struct Peer {
    pub(super) name: &'static str,
    /// As `assay api check --peer` has it: `product` is what people run to serve models, `stand-in` what imitates the servers of others.
    pub(super) kind: &'static str,
    pub(super) source: Source,
    /// In `tests/peers/`: it gets a port and a folder, and serves on 127.0.0.1.
    pub(super) script: &'static str,
    /// The route that says 200 once it is up.
    pub(super) up: &'static str,
    /// Seconds in which it has to be, on however slow a machine.
    pub(super) starts_within: u64,
    pub(super) has_key: bool,
    /// The peer that it stands in front of.
    pub(super) behind: Option<&'static str>,
    /// Whether it is installed, started and checked within some twenty seconds: those are a part of `cargo xtask test`.
    pub(super) is_quick: bool,
    pub(super) asked: &'static [Asked],
}

/// Where a peer comes from.
pub(super) enum Source {
    /// `tests/peers/locks/NAME.lock` in an environment of its own.
    Python {
        /// What its version is read of.
        package: &'static str,
        /// It sees the packages of Assay's own environment, too: a second torch would be gigabytes.
        is_beside: bool,
    },
    /// One package that depends on none.
    Npm(Package),
}

/// A dialect that a peer is asked in.
pub(super) struct Asked {
    pub(super) dialect: &'static str,
    /// Behind the port.
    pub(super) base: &'static str,
    pub(super) model: &'static str,
}

const fn asked(dialect: &'static str, base: &'static str) -> Asked {
    Asked {
        dialect,
        base,
        model: "tiny",
    }
}

/// Every one, those first that others stand in front of.
pub(super) const PEERS: &[Peer] = &[
    Peer {
        name: "xllamacpp",
        kind: "product",
        source: Source::Python {
            package: "xllamacpp",
            is_beside: false,
        },
        script: "xllamacpp_server.py",
        up: "/health",
        starts_within: 60,
        has_key: true,
        behind: None,
        is_quick: true,
        asked: &[asked("openai", "/v1"), asked("claude", "/v1")],
    },
    Peer {
        name: "transformers",
        kind: "product",
        source: Source::Python {
            package: "transformers",
            is_beside: true,
        },
        script: "transformers_serve.py",
        up: "/health",
        starts_within: 240,
        has_key: false,
        behind: None,
        is_quick: false,
        asked: &[Asked {
            dialect: "openai",
            base: "/v1",
            model: "./tiny",
        }],
    },
    Peer {
        name: "litellm",
        kind: "product",
        source: Source::Python {
            package: "litellm",
            is_beside: false,
        },
        script: "litellm_proxy.py",
        up: "/health/liveliness",
        starts_within: 240,
        has_key: true,
        behind: Some("xllamacpp"),
        is_quick: false,
        asked: &[
            asked("openai", "/v1"),
            asked("claude", "/v1"),
            asked("gemini", "/v1beta"),
        ],
    },
    Peer {
        name: "aimock",
        kind: "stand-in",
        source: Source::Npm(Package {
            name: "@copilotkit/aimock@1.43.0",
            sha512: "57c0fc72348cb40478ac7683dae969dc347f660b974230cd3aac0a0cdbe36ff3892ff291d48d120dfe71a5109df9360a8e199ff5f33c5e983740128f995f4a9b",
        }),
        script: "aimock_server.mjs",
        up: "/health",
        starts_within: 30,
        has_key: false,
        behind: None,
        is_quick: true,
        asked: &[
            asked("openai", "/v1"),
            asked("claude", "/v1"),
            asked("gemini", "/v1beta"),
            asked("ollama", "/api"),
        ],
    },
    Peer {
        name: "guidellm",
        kind: "stand-in",
        source: Source::Python {
            package: "guidellm",
            is_beside: true,
        },
        script: "guidellm_mock_server.py",
        up: "/health",
        starts_within: 240,
        has_key: false,
        behind: None,
        is_quick: false,
        asked: &[asked("openai", "/v1")],
    },
    Peer {
        name: "moto",
        kind: "stand-in",
        source: Source::Python {
            package: "moto",
            is_beside: false,
        },
        script: "moto_server.py",
        up: "/moto-api/",
        starts_within: 60,
        has_key: true,
        behind: None,
        is_quick: true,
        asked: &[asked("s3", "")],
    },
    Peer {
        name: "mlserver",
        kind: "product",
        source: Source::Python {
            package: "mlserver",
            is_beside: false,
        },
        script: "mlserver_server.py",
        up: "/v2/health/ready",
        starts_within: 120,
        has_key: false,
        behind: None,
        is_quick: true,
        asked: &[asked("kserve", "/v2")],
    },
];

impl Peer {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        PEERS.iter().find(|peer| peer.name == name)
    }
}
