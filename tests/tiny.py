"""Tiny randomly initialised checkpoints, written in the two layouts that riffedu must run.

They make noise, not music: what they prove is the road, not the destination.
"""

import json
import string
from pathlib import Path

import pytest

WORDS = ["a", "calm", "solo", "piano", "fast", "rock", "drums", "slow", "violin", "the", "band"]


def write_sd_checkpoint(folder: Path, scheduler=None, safety_checker: bool = False) -> Path:
    """Stable Diffusion v1's layout: CLIP text model, AutoencoderKL (8x), 4 channels, PNDM."""
    import torch
    from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    vocabulary = _write_clip_tokenizer(folder / "tokenizer")
    CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(vocabulary),
            hidden_size=32,
            intermediate_size=37,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=77,
            projection_dim=32,
            bos_token_id=vocabulary["<|startoftext|>"],
            eos_token_id=vocabulary["<|endoftext|>"],
            pad_token_id=vocabulary["<|endoftext|>"],
        )
    ).save_pretrained(folder / "text_encoder")
    AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        block_out_channels=(4, 4, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=2,
        scaling_factor=0.18215,
        sample_size=512,
    ).save_pretrained(folder / "vae")
    UNet2DConditionModel(
        sample_size=64,
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=32,
        attention_head_dim=2,
        norm_num_groups=4,
    ).save_pretrained(folder / "unet")
    scheduler = scheduler or PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        skip_prk_steps=True,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    scheduler.save_pretrained(folder / "scheduler")
    checker = extractor = [None, None]
    if safety_checker:
        checker = ["stable_diffusion", "StableDiffusionSafetyChecker"]
        extractor = ["transformers", "CLIPFeatureExtractor"]
    _write_index(
        folder,
        {
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "vae": ["diffusers", "AutoencoderKL"],
            "scheduler": ["diffusers", type(scheduler).__name__],
            "safety_checker": checker,
            "feature_extractor": extractor,
        },
    )
    return folder


def write_riffedu_checkpoint(folder: Path, scheduler=None, defaults: dict | None = None) -> Path:
    """The shipped model's layout: BERT, AutoencoderDC (32x, one channel), v-prediction, DPM++."""
    import torch
    from diffusers import AutoencoderDC, DPMSolverMultistepScheduler, UNet2DConditionModel
    from transformers import BertConfig, BertModel

    torch.manual_seed(1)
    size = _write_bert_tokenizer(folder / "tokenizer")
    BertModel(
        BertConfig(
            vocab_size=size,
            hidden_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=32,
            use_attention_mask=True,
        ),
        add_pooling_layer=False,
    ).save_pretrained(folder / "text_encoder")
    AutoencoderDC(
        in_channels=1,
        latent_channels=8,
        encoder_block_types="ResBlock",
        decoder_block_types="ResBlock",
        encoder_block_out_channels=(4, 4, 8, 8, 8, 8),
        decoder_block_out_channels=(4, 4, 8, 8, 8, 8),
        encoder_layers_per_block=(0, 1, 1, 1, 1, 1),
        decoder_layers_per_block=(0, 1, 1, 1, 1, 1),
        encoder_qkv_multiscales=((),) * 6,
        decoder_qkv_multiscales=((),) * 6,
        attention_head_dim=4,
        scaling_factor=0.7,
    ).save_pretrained(folder / "vae")
    UNet2DConditionModel(
        sample_size=16,
        in_channels=8,
        out_channels=8,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=24,
        attention_head_dim=2,
        norm_num_groups=4,
    ).save_pretrained(folder / "unet")
    scheduler = scheduler or DPMSolverMultistepScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
    )
    scheduler.save_pretrained(folder / "scheduler")
    _write_index(
        folder,
        {
            "text_encoder": ["transformers", "BertModel"],
            "tokenizer": ["transformers", "BertTokenizerFast"],
            "vae": ["diffusers", "AutoencoderDC"],
            "scheduler": ["diffusers", type(scheduler).__name__],
        },
    )
    if defaults is not None:
        (folder / "riffedu.json").write_text(json.dumps(defaults))
    return folder


def _write_index(folder: Path, parts: dict[str, list]) -> None:
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.35.0",
        "requires_safety_checker": True,
        "unet": ["diffusers", "UNet2DConditionModel"],
        **parts,
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=1))


def _write_clip_tokenizer(folder: Path) -> dict[str, int]:
    """Byte-level pieces for letters and digits, one merge, and CLIP's two special tokens."""
    folder.mkdir(parents=True)
    letters = list(string.ascii_lowercase + string.digits + string.punctuation)
    pieces = [*letters, *(f"{c}</w>" for c in letters), "pi", "pian", "an"]
    pieces = [*dict.fromkeys(pieces), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\np i\na n\npi an\n")
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "CLIPTokenizer",
                "model_max_length": 77,
                "do_lower_case": True,
                "bos_token": "<|startoftext|>",
                "eos_token": "<|endoftext|>",
                "unk_token": "<|endoftext|>",
                "pad_token": "<|endoftext|>",
                "add_prefix_space": False,
            }
        )
    )
    return vocabulary


def _write_bert_tokenizer(folder: Path) -> int:
    from transformers import BertTokenizerFast

    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *WORDS,
        *string.ascii_lowercase,
        *(f"##{c}" for c in string.ascii_lowercase),
    ]
    pieces = list(dict.fromkeys(pieces))
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=16)
    tokenizer.save_pretrained(folder)
    return len(pieces)


@pytest.fixture(scope="session")
def sd(tmp_path_factory) -> Path:
    return write_sd_checkpoint(tmp_path_factory.mktemp("sd"))


@pytest.fixture(scope="session")
def ours(tmp_path_factory) -> Path:
    return write_riffedu_checkpoint(tmp_path_factory.mktemp("ours"))
