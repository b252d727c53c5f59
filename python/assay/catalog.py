"""What the installed transformers knows: every key of its base model mapping, with its family."""

from __future__ import annotations

from typing import Any

from transformers.models.auto import configuration_auto, modeling_auto

FAMILY_BY_MAPPING: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("time-series", ("MODEL_FOR_TIME_SERIES_PREDICTION_MAPPING_NAMES", "MODEL_FOR_TIME_SERIES_CLASSIFICATION_MAPPING_NAMES")),
    (
        "multimodal",
        (
            "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES",
            "MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES",
            "MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES",
            "MODEL_FOR_VISUAL_QUESTION_ANSWERING_MAPPING_NAMES",
            "MODEL_FOR_DOCUMENT_QUESTION_ANSWERING_MAPPING_NAMES",
        ),
    ),
    (
        "audio",
        (
            "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES",
            "MODEL_FOR_CTC_MAPPING_NAMES",
            "MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES",
            "MODEL_FOR_TEXT_TO_WAVEFORM_MAPPING_NAMES",
            "MODEL_FOR_TEXT_TO_SPECTROGRAM_MAPPING_NAMES",
            "MODEL_FOR_AUDIO_TOKENIZATION_MAPPING_NAMES",
        ),
    ),
    (
        "vision",
        (
            "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES",
            "MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES",
            "MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES",
            "MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING_NAMES",
            "MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES",
            "MODEL_FOR_MASK_GENERATION_MAPPING_NAMES",
            "MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING_NAMES",
            "MODEL_FOR_IMAGE_MAPPING_NAMES",
        ),
    ),
    ("encoder-decoder", ("MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",)),
    ("decoder-only", ("MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",)),
    ("encoder-only", ("MODEL_FOR_MASKED_LM_MAPPING_NAMES", "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES")),
)
"""Mappings of `modeling_auto` that show a family, the most telling first. Encoders that also have a causal head
(bert) count as encoders: see `_family`."""

HEADS: tuple[tuple[str, ...], ...] = (
    (
        "AutoModelForSeq2SeqLM",
        "AutoModelForSpeechSeq2Seq",
        "AutoModelForImageTextToText",
        "AutoModelForMultimodalLM",
        "AutoModelForTextToWaveform",
        "AutoModelForTextToSpectrogram",
        "AutoModelForRNNT",
        "AutoModelForTDT",
        "AutoModelForTextRecognition",
        "AutoModelForVisualQuestionAnswering",
        "AutoModelForCausalLM",
    ),
    (
        "AutoModelForSequenceClassification",
        "AutoModelForImageClassification",
        "AutoModelForAudioClassification",
        "AutoModelForVideoClassification",
        "AutoModelForZeroShotImageClassification",
        "AutoModelForMultipleChoice",
        "AutoModelForNextSentencePrediction",
        "AutoModelForAudioXVector",
    ),
    (
        "AutoModelForTokenClassification",
        "AutoModelForQuestionAnswering",
        "AutoModelForCTC",
        "AutoModelForAudioFrameClassification",
        "AutoModelForDocumentQuestionAnswering",
        "AutoModelForTableQuestionAnswering",
    ),
    ("AutoModelForMaskedLM", "AutoModelForMaskedImageModeling", "AutoModelForPreTraining"),
    (
        "AutoModelForObjectDetection",
        "AutoModelForZeroShotObjectDetection",
        "AutoModelForKeypointMatching",
        "AutoModelForKeypointDetection",
        "AutoModelForPoseEstimation",
    ),
    (
        "AutoModelForSemanticSegmentation",
        "AutoModelForUniversalSegmentation",
        "AutoModelForInstanceSegmentation",
        "AutoModelForImageSegmentation",
        "AutoModelForMaskGeneration",
        "AutoModelForDepthEstimation",
        "AutoModelForNormalEstimation",
        "AutoModelForPointmapEstimation",
        "AutoModelForImageToImage",
        "AutoModelForImageMatting",
    ),
    ("AutoModelForTimeSeriesPrediction",),
)
"""Auto classes by kind of head: generation, classification, of each token, of what is masked, of objects, of each pixel, of a series. The
most telling first: a decoder alone comes after what it decodes for. One that isn't listed (a newer library's) is a kind of its own."""

EXPERT_FIELDS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
SERIES_FIELDS = ("prediction_length", "context_length")
STATE_FIELDS = ("state_size", "ssm_state_size", "mamba_d_state", "time_step_rank")


def discover() -> list[dict[str, Any]]:
    """Rows of `Architecture`, sorted by name. Imports configuration modules only, never a model."""
    classes = _auto_classes()
    rows = []
    for name, class_names in modeling_auto.MODEL_MAPPING_NAMES.items():
        row = {"name": name, "family": _family(name), "class": _first(class_names), "auto_classes": sorted(classes.get(name, {}))}
        rows.append({**row, "heads": _heads(class_names, classes.get(name, {}))})
    known = {row["name"] for row in rows}
    for config_class, model_class in modeling_auto.MODEL_MAPPING._extra_content.items():
        name = config_class.model_type
        if name not in known:
            rows.append({"name": name, "family": "other", "class": model_class.__name__, "auto_classes": ["AutoModel"], "heads": []})
    return sorted(rows, key=lambda row: row["name"])


def family(name: str) -> str:
    """The family of one architecture."""
    return _family(name)


def workflows() -> list[dict[str, Any]]:
    """Rows of `Workflow`."""
    from assay.subjects.workflows import WORKFLOWS  # which probes, that need this module, are part of

    return [{"name": row.name, "says": row.says, "links": {link.name: link.shown() for link in row.links}} for row in WORKFLOWS]


def _mapping(name: str) -> dict[str, Any]:
    # Mappings come and go between versions of the library.
    return getattr(modeling_auto, name, {})


def _family(name: str) -> str:
    fields = _config_fields(name)
    in_text = any(name in _mapping(mapping) for mapping in ("MODEL_FOR_CAUSAL_LM_MAPPING_NAMES", "MODEL_FOR_MASKED_LM_MAPPING_NAMES"))
    shown = next((shown for shown, names in FAMILY_BY_MAPPING if any(name in _mapping(m) for m in names)), "other")
    if shown in ("decoder-only", "encoder-only", "other") and (in_text or shown == "other"):
        if all(field in fields for field in SERIES_FIELDS):
            return "time-series"
        if any(field in fields for field in EXPERT_FIELDS):
            return "mixture-of-experts"
        if any(field in fields for field in STATE_FIELDS):
            return "state-space"
    if shown == "decoder-only" and name in _mapping("MODEL_FOR_MASKED_LM_MAPPING_NAMES"):
        return "encoder-only"
    return shown


def _config_fields(name: str) -> frozenset[str]:
    """Names of the fields of the configuration class; empty if it can't be imported here."""
    try:
        config_class = configuration_auto.CONFIG_MAPPING[name]
    except Exception:
        return frozenset()
    fields = set(getattr(config_class, "__dataclass_fields__", ()))
    fields.update(getattr(config_class.__init__, "__code__", compile("", "", "exec")).co_varnames)
    fields.update(getattr(config_class, "attribute_map", {}))
    return frozenset(fields)


def _first(names: Any) -> str:
    return names[0] if isinstance(names, (tuple, list)) else names


def _heads(base: Any, classes: dict[str, str]) -> list[str]:
    """One auto class for each kind of head, whose model is neither the base class nor that of a head before."""
    known = {base} if isinstance(base, str) else set(base)
    kinds = [*HEADS, *((name,) for name in sorted(classes) if not any(name in kind for kind in HEADS))]
    heads = []
    for kind in kinds:
        head = next((name for name in kind if name in classes and classes[name] not in known), None)
        if head is not None:
            known.add(classes[head])
            heads.append(head)
    return heads


def _auto_classes() -> dict[str, dict[str, str]]:
    """For each model type its auto classes, with the name of the class that each makes."""
    classes: dict[str, dict[str, str]] = {}
    for attribute in dir(modeling_auto):
        auto = getattr(modeling_auto, attribute)
        mapping = getattr(auto, "_model_mapping", None) if attribute.startswith("AutoModel") else None
        for name, names in getattr(mapping, "_model_mapping", {}).items():
            classes.setdefault(name, {})[attribute] = _first(names)
    return classes
