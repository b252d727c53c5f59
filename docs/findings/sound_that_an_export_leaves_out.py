"""An exported qwen2_audio reads one feature of a sound that the model reads whole.

A prompt with one token for each sound (the layout of its old processor) is laid out anew by the model, with a place for every feature;
under torch's compilation and export that is left out (`not is_torchdynamo_compiling()`), and each such token takes the next feature of
the first sound. The check that there are as many tokens as features is in the exported program, and stops it; what is made for ONNX and
OpenVINO has lost it, and answers with other states, and fewer. With a token for each feature all agree.

Prints the shape of the states, and by how much they differ.
"""

import torch
from transformers import Qwen2AudioConfig, Qwen2AudioModel
from transformers.exporters import DynamoConfig, DynamoExporter, OnnxConfig, OnnxExporter, OpenVINOConfig, OpenVINOExporter

wide = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4, "intermediate_size": 64}
part = {"d_model": 32, "encoder_layers": 1, "encoder_attention_heads": 4, "encoder_ffn_dim": 64, "num_mel_bins": 16, "max_source_positions": 32}
config = Qwen2AudioConfig(audio_config=part, text_config={"vocab_size": 99, "hidden_size": 32, **wide}, audio_token_index=98)
torch.manual_seed(0)
model = Qwen2AudioModel(config).eval()
exact = {"config": {"INFERENCE_PRECISION_HINT": "f32"}, "device": "cpu"}
sound = {"input_features": torch.randn(1, 16, 64), "feature_attention_mask": torch.ones(1, 64, dtype=torch.int64)}
for tokens in (1, 16):
    prompt = torch.tensor([[5, 6, *([98] * tokens), 7, 8]])
    inputs = {"input_ids": prompt, "attention_mask": torch.ones_like(prompt), **sound}
    with torch.no_grad():
        expected = model(**inputs).last_hidden_state
        print(f"{tokens} tokens for a sound of 16 features: the model {tuple(expected.shape)}")
        makers = {"torch.export": (DynamoExporter, DynamoConfig), "ONNX": (OnnxExporter, OnnxConfig), "OpenVINO": (OpenVINOExporter, OpenVINOConfig)}
        for name, (exporter, settings) in makers.items():
            exported = exporter().export(model, dict(inputs), settings())
            try:
                states = exported.to(**(exact if name == "OpenVINO" else {}))(**inputs).last_hidden_state
            except Exception as error:
                print(f"  {name}: {type(error).__name__}: {error}"[:110])
                continue
            alike = states.shape == expected.shape
            print(f"  {name}: {tuple(states.shape)}", f"largest difference {(states - expected).abs().max():.1e}" if alike else "")
