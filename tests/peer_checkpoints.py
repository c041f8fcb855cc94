"""Tiny random checkpoints of other people's generators, written with their own classes."""

from __future__ import annotations

import json
import string
from pathlib import Path


def tokenizer(folder: Path, size: int = 0, **special):
    """Write a fast tokenizer of single letters and return it."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces = ["<pad>", "</s>", "<unk>", *string.ascii_lowercase, *string.digits, " "]
    inner = Tokenizer(models.WordLevel({p: n for n, p in enumerate(pieces)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", **special}
    made = PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=32, **names)
    made.save_pretrained(folder)
    return made


def t5(width: int = 16):
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(
            vocab_size=64,
            d_model=width,
            d_ff=16,
            d_kv=8,
            num_heads=2,
            num_layers=1,
            pad_token_id=0,
            eos_token_id=1,
        )
    )


def encodec(books: int, size: int = 16, rate: int = 1600):
    from transformers import EncodecConfig, EncodecModel

    hop = 16  # 4 · 4
    bits = size.bit_length() - 1
    return EncodecModel(
        EncodecConfig(
            sampling_rate=rate,
            audio_channels=1,
            normalize=False,
            hidden_size=8,
            num_filters=4,
            num_residual_layers=1,
            upsampling_ratios=[4, 4],
            codebook_size=size,
            codebook_dim=8,
            num_lstm_layers=1,
            target_bandwidths=[books * bits * rate / hop / 1000],
            use_causal_conv=True,
            kernel_size=3,
            last_kernel_size=3,
        )
    )


MUSICGEN_DECODER = {
    "vocab_size": 16,
    "num_codebooks": 4,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "ffn_dim": 16,
    "num_attention_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": 16,
    "bos_token_id": 16,
}


def write_musicgen(folder: Path) -> Path:
    import torch
    from transformers import (
        EncodecFeatureExtractor,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForCausalLM,
        MusicgenForConditionalGeneration,
        MusicgenProcessor,
    )

    torch.manual_seed(0)
    text, audio = t5(), encodec(4)
    decoder = MusicgenForCausalLM(
        MusicgenDecoderConfig(
            **MUSICGEN_DECODER,
        )
    )
    config = MusicgenConfig(
        text_encoder=text.config.to_dict(),
        audio_encoder=audio.config.to_dict(),
        decoder=decoder.config.to_dict(),
    )
    model = MusicgenForConditionalGeneration(
        config=config, text_encoder=text, audio_encoder=audio, decoder=decoder
    )
    model.generation_config.decoder_start_token_id = 16
    model.generation_config.pad_token_id = model.generation_config.bos_token_id = 16
    model.save_pretrained(folder)
    extractor = EncodecFeatureExtractor(feature_size=1, sampling_rate=1600)
    MusicgenProcessor(extractor, _t5_tokenizer(folder)).save_pretrained(folder)
    return folder


def _t5_tokenizer(folder: Path):
    return tokenizer(folder)


def write_musicgen_melody(folder: Path) -> Path:
    import torch
    from transformers import (
        MusicgenMelodyConfig,
        MusicgenMelodyDecoderConfig,
        MusicgenMelodyForCausalLM,
        MusicgenMelodyForConditionalGeneration,
    )

    torch.manual_seed(0)
    text, audio = t5(), encodec(4)
    decoder = MusicgenMelodyForCausalLM(
        MusicgenMelodyDecoderConfig(
            **MUSICGEN_DECODER,
        )
    )
    config = MusicgenMelodyConfig(
        text_encoder=text.config.to_dict(),
        audio_encoder=audio.config.to_dict(),
        decoder=decoder.config.to_dict(),
        num_chroma=12,
        chroma_length=8,
    )
    model = MusicgenMelodyForConditionalGeneration(
        config=config, text_encoder=text, audio_encoder=audio, decoder=decoder
    )
    model.generation_config.decoder_start_token_id = 16
    model.generation_config.pad_token_id = model.generation_config.bos_token_id = 16
    model.save_pretrained(folder)
    tokenizer(folder)
    return folder


def write_bark(folder: Path) -> Path:
    import torch
    from transformers import (
        BarkCoarseConfig,
        BarkConfig,
        BarkFineConfig,
        BarkModel,
        BarkSemanticConfig,
    )
    from transformers.models.bark.generation_configuration_bark import (
        BarkCoarseGenerationConfig,
        BarkFineGenerationConfig,
        BarkGenerationConfig,
        BarkSemanticGenerationConfig,
    )

    torch.manual_seed(0)
    size = {"num_layers": 1, "num_heads": 2, "hidden_size": 16, "block_size": 1024}
    audio = encodec(8, 1024)
    config = BarkConfig(
        semantic_config=BarkSemanticConfig(
            input_vocab_size=129_600, output_vocab_size=10_048, **size
        ).to_dict(),
        coarse_acoustics_config=BarkCoarseConfig(
            input_vocab_size=12_096, output_vocab_size=12_096, **size
        ).to_dict(),
        fine_acoustics_config=BarkFineConfig(
            input_vocab_size=1056, output_vocab_size=1056, n_codes_total=8, n_codes_given=1, **size
        ).to_dict(),
        codec_config=audio.config.to_dict(),
    )
    model = BarkModel(config)
    model.save_pretrained(folder)
    settings = BarkGenerationConfig.from_sub_model_configs(
        BarkSemanticGenerationConfig(),
        BarkCoarseGenerationConfig(),
        BarkFineGenerationConfig(),
        sample_rate=1600,
    )
    (folder / "generation_config.json").write_text(json.dumps(settings.to_dict(), default=str))
    tokenizer(folder)
    return folder


def oobleck(channels: int, rate: int):
    from diffusers import AutoencoderOobleck

    return AutoencoderOobleck(
        encoder_hidden_size=6,
        downsampling_ratios=[4, 4],
        decoder_channels=4,
        decoder_input_channels=channels,
        audio_channels=2,
        channel_multiples=[2, 4],
        sampling_rate=rate,
    )


def write_stable_audio(folder: Path) -> Path:
    import torch
    from diffusers import (
        EDMDPMSolverMultistepScheduler,
        StableAudioDiTModel,
        StableAudioPipeline,
        StableAudioProjectionModel,
    )

    torch.manual_seed(0)
    text = t5(4)
    StableAudioPipeline(
        vae=oobleck(3, 1600),
        text_encoder=text,
        projection_model=StableAudioProjectionModel(
            text_encoder_dim=4, conditioning_dim=4, min_value=0, max_value=32
        ),
        tokenizer=tokenizer(folder / "tokenizer"),
        transformer=StableAudioDiTModel(
            sample_size=300,
            in_channels=3,
            num_layers=1,
            attention_head_dim=4,
            num_attention_heads=2,
            num_key_value_attention_heads=2,
            out_channels=3,
            cross_attention_dim=4,
            time_proj_dim=8,
            global_states_input_dim=8,
            cross_attention_input_dim=4,
        ),
        scheduler=EDMDPMSolverMultistepScheduler(
            sigma_min=0.3,
            sigma_max=500,
            sigma_data=1.0,
            sigma_schedule="exponential",
            prediction_type="v_prediction",
            solver_order=2,
        ),
    ).save_pretrained(folder)
    return folder


def write_stable_audio_3(folder: Path) -> Path:
    import torch
    from diffusers import (
        AutoencoderSAME,
        FlowMatchEulerDiscreteScheduler,
        StableAudio3DiTModel,
        StableAudio3Pipeline,
    )
    from diffusers.pipelines.stable_audio_3.modeling_stable_audio_3 import (
        StableAudio3DurationEmbedder,
    )
    from transformers import T5GemmaConfig, T5GemmaEncoderModel
    from transformers.models.t5gemma.configuration_t5gemma import T5GemmaModuleConfig

    torch.manual_seed(0)
    width = 16
    module = T5GemmaModuleConfig(
        vocab_size=64,
        hidden_size=width,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=64,
        sliding_window=64,
        layer_types=["full_attention"],
    ).to_dict()
    StableAudio3Pipeline(
        vae=AutoencoderSAME(
            audio_channels=2,
            patch_size=2,
            encoder_channels=8,
            encoder_c_mults=(2,),
            encoder_strides=(2,),
            encoder_transformer_depths=(1,),
            latent_dim=8,
            use_differential_attention=False,
            dim_heads=4,
            ff_mult=2,
            sampling_rate=1600,
        ),
        text_encoder=T5GemmaEncoderModel(
            T5GemmaConfig(encoder=module, decoder=module, is_encoder_decoder=False)
        ),
        tokenizer=tokenizer(folder / "tokenizer"),
        duration_embedder=StableAudio3DurationEmbedder(output_dim=width, fourier_dim=16),
        transformer=StableAudio3DiTModel(
            io_channels=8,
            patch_size=1,
            embed_dim=32,
            depth=1,
            num_heads=4,
            cond_token_dim=width,
            global_cond_dim=width,
            local_add_cond_dim=5,
            timestep_features_dim=16,
            ff_mult=2,
            num_memory_tokens=3,
            use_differential_attention=False,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(stochastic_sampling=True),
    ).save_pretrained(folder)
    return folder


def write_audioldm2(folder: Path) -> Path:
    import torch
    from diffusers import (
        AudioLDM2Pipeline,
        AudioLDM2ProjectionModel,
        AudioLDM2UNet2DConditionModel,
        AutoencoderKL,
        DDIMScheduler,
    )
    from transformers import (
        ClapAudioConfig,
        ClapConfig,
        ClapFeatureExtractor,
        ClapModel,
        ClapTextConfig,
        GPT2Config,
        GPT2Model,
        RobertaTokenizer,
        SpeechT5HifiGan,
        SpeechT5HifiGanConfig,
        T5Tokenizer,
    )

    torch.manual_seed(0)
    clap = ClapModel(
        ClapConfig(
            text_config=ClapTextConfig(
                vocab_size=64,
                hidden_size=16,
                intermediate_size=16,
                num_attention_heads=2,
                num_hidden_layers=1,
                projection_dim=16,
                max_position_embeddings=80,
            ).to_dict(),
            audio_config=ClapAudioConfig(
                spec_size=64,
                window_size=4,
                num_mel_bins=64,
                intermediate_size=16,
                depths=[1, 1],
                num_attention_heads=[2, 2],
                num_hidden_layers=2,
                hidden_size=192,
                projection_dim=16,
                patch_size=2,
                patch_stride=2,
                patch_embed_input_channels=4,
            ).to_dict(),
            projection_dim=16,
        )
    )
    letters = [*string.ascii_lowercase, *string.digits]
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "\u0120"]  # the last is a space
    roberta = RobertaTokenizer(
        vocab={piece: n for n, piece in enumerate([*special, *letters])}, model_max_length=77
    )
    pieces = [(piece, -1.0) for piece in ("<pad>", "</s>", "<unk>", "\u2581", *letters)]
    language = GPT2Model(GPT2Config(n_embd=16, n_head=2, n_layer=1, vocab_size=64, n_positions=99))
    language.config.max_new_tokens = 8
    vocoder = SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=8,
            sampling_rate=1600,
            upsample_initial_channel=8,
            upsample_rates=[4, 4],
            upsample_kernel_sizes=[8, 8],
            resblock_kernel_sizes=[3],
            resblock_dilation_sizes=[[1]],
            normalize_before=False,
        )
    )
    with torch.no_grad():
        for weight in vocoder.parameters():
            weight.normal_(0, 0.5)  # as it starts, it is all but silent
    AudioLDM2Pipeline(
        vae=AutoencoderKL(
            block_out_channels=[8, 8],
            in_channels=1,
            out_channels=1,
            norm_num_groups=4,
            down_block_types=["DownEncoderBlock2D"] * 2,
            up_block_types=["UpDecoderBlock2D"] * 2,
            latent_channels=4,
        ),
        text_encoder=clap,
        text_encoder_2=t5(32),
        projection_model=AudioLDM2ProjectionModel(
            text_encoder_dim=16, text_encoder_1_dim=32, langauge_model_dim=16
        ),
        language_model=language,
        tokenizer=roberta,
        tokenizer_2=T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=77),
        feature_extractor=ClapFeatureExtractor(hop_length=480),
        unet=AudioLDM2UNet2DConditionModel(
            block_out_channels=(8, 16),
            layers_per_block=1,
            sample_size=32,
            in_channels=4,
            out_channels=4,
            norm_num_groups=4,
            attention_head_dim=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=([None, 16, 32], [None, 16, 32]),
        ),
        scheduler=DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False),
        vocoder=vocoder,
    ).save_pretrained(folder)
    return folder


def write_ace_step(folder: Path) -> Path:
    import torch
    from diffusers import (
        AceStepPipeline,
        AceStepTransformer1DModel,
        FlowMatchEulerDiscreteScheduler,
    )
    from diffusers.pipelines.ace_step import AceStepConditionEncoder
    from transformers import Qwen3Config, Qwen3Model

    torch.manual_seed(0)
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
    size = {"hidden_size": 32, "intermediate_size": 32, **heads}
    AceStepPipeline(
        vae=oobleck(8, 400),
        text_encoder=Qwen3Model(
            Qwen3Config(num_hidden_layers=1, vocab_size=64, max_position_embeddings=256, **size)
        ),
        tokenizer=tokenizer(folder / "tokenizer"),
        transformer=AceStepTransformer1DModel(
            num_hidden_layers=1,
            in_channels=24,
            audio_acoustic_hidden_dim=8,
            patch_size=2,
            sliding_window=16,
            **size,
        ),
        condition_encoder=AceStepConditionEncoder(
            text_hidden_dim=32,
            timbre_hidden_dim=8,
            num_lyric_encoder_hidden_layers=1,
            num_timbre_encoder_hidden_layers=1,
            sliding_window=16,
            **size,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
    ).save_pretrained(folder)
    return folder


WRITERS = {
    "musicgen": write_musicgen,
    "musicgen-melody": write_musicgen_melody,
    "bark": write_bark,
    "stable-audio": write_stable_audio,
    "stable-audio-3": write_stable_audio_3,
    "audioldm2": write_audioldm2,
    "ace-step": write_ace_step,
}
