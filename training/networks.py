"""What a recipe trains: its tokenizer, its sizes and its network, fresh or from a checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ci_rlm.errors import UsageError
from ci_rlm.flow import Space
from ci_rlm.marks import Side
from ci_rlm.model import alternatives, checkpoint, t5gemma, tokenizer
from ci_rlm.model.alternatives import Head, RegressionHead
from ci_rlm.model.config import ModelConfig, T5GemmaConfig
from ci_rlm.model.tokenizer import TextTokenizer
from ci_rlm.training import texts
from ci_rlm.training.programs import Program, Programs
from ci_rlm.training.recipe import COUNTS, FROZEN, FULL, LORA, Recipe, Start
from ci_rlm.training.spaces import DOMAINS

SIDES = "side_embedding.weight"


def size_of(recipe: Recipe) -> float:
    """The input size that the gate will ask for, and that ingested rows without one are taken to be of."""
    if recipe.start is None:
        return recipe.size
    return checkpoint.read_config(checkpoint.locate(recipe.start.checkpoint)).spaces[0].size or 1.0


def tokenizer_of(
    recipe: Recipe, training: Programs, further: Sequence[Programs] = (), unmeasured: Programs | None = None
) -> TextTokenizer:
    """The run's tokenizer: that of the checkpoint or backbone, or learned on the texts and kept.

    `further` are the programs of the recipe's further spaces: of each, as many as an epoch sees.
    """
    if not len(training):
        hint = "it takes a few functions or programs more; see ci-rlm ingest --help"
        raise UsageError(f"{recipe.corpus} has no training examples", hint=hint)
    if recipe.start is not None:
        folder = checkpoint.locate(recipe.start.checkpoint)
        return checkpoint.load_tokenizer(folder, checkpoint.read_config(folder))
    if "backbone" in recipe.model:
        return tokenizer.load_pretrained(Path(recipe.model["backbone"]) / "tokenizer.json")
    path = recipe.out / "tokenizer.json"
    if path.exists():
        return tokenizer.load(path)
    others = (
        islice(programs.texts(), also.at_most or None)
        for programs, also in zip(further, recipe.also, strict=True)
    )
    read = chain(training.texts(), *others, unmeasured.texts() if unmeasured else ())
    words = tokenizer.learn(read, recipe.model["vocab_size"])
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".writing")
    scratch.write_text(words.to_json(), encoding="utf-8")
    scratch.replace(path)
    return words


def config_of(
    recipe: Recipe, words: TextTokenizer, hardware: str, further: Sequence[Space] = ()
) -> ModelConfig:
    """The model's sizes and its spaces, the first with the hardware that the corpus was measured on.

    `further` are those of the recipe's other domains. Raises UsageError for a [model] table or a
    checkpoint that does not fit.
    """
    if recipe.start is not None:
        return _gone_on(recipe, recipe.start, hardware, further)
    space = replace(DOMAINS[recipe.space].on(hardware), size=recipe.size)
    spaces = ((space, texts.change_space(space)) if recipe.train.changes else (space,)) + tuple(further)
    about: dict[str, Any] = {"name": recipe.name, "hardware": space.hardware, "spaces": spaces}
    try:
        if "backbone" not in recipe.model:
            return ModelConfig(**about, **{**recipe.model, "vocab_size": words.vocab_size})
        backbone = t5gemma.read_backbone(Path(recipe.model["backbone"]))
        repeated = {"vocab_size": backbone["vocab_size"], "encoder_layers": backbone["num_hidden_layers"]}
        return T5GemmaConfig(**about, **{**recipe.model, "backbone": backbone, **repeated})
    except (TypeError, ValueError) as error:
        raise UsageError(f"the recipe's [model]: {error}") from error


def _gone_on(recipe: Recipe, start: Start, hardware: str, further: Sequence[Space]) -> ModelConfig:
    """The configuration of a checkpoint, with the spaces that the run adds to it."""
    config = checkpoint.read_config(checkpoint.locate(start.checkpoint))
    own, hardware = config.spaces[0], hardware or config.hardware
    learned = {space.name: space for space in further}
    known = [learned.pop(space.name, space) for space in config.spaces]
    spaces = [
        replace(space, hardware=hardware) if space == own or space.compares else space for space in known
    ]
    if recipe.train.changes and not config.compares:
        _refuse_sides(start, config)
        spaces.append(texts.change_space(spaces[0]))
    spaces += learned.values()
    found = replace(config, name=recipe.name, hardware=hardware, spaces=tuple(spaces))
    if found.max_numbers > config.max_numbers:
        raise UsageError(f"{start.checkpoint} writes {config.max_numbers} numbers, and a space has more")
    return found


def network_of(
    recipe: Recipe,
    config: ModelConfig,
    words: TextTokenizer,
    training: Sequence[Program],
) -> Head:
    """The recipe's network with fresh weights, or those it starts from.

    A regression head has the training rows' statistics. Raises UsageError for a head that the
    checkpoint does not have.
    """
    try:
        network = alternatives.build(recipe.head, config, words, recipe.seed)
    except ValueError as error:
        raise UsageError(f"the recipe's head: {error}") from error
    if isinstance(network, RegressionHead):
        network.fit([numbers for program in training for numbers in program.numbers])
    if isinstance(network, alternatives.T5GemmaHead) and recipe.start is None:
        t5gemma.take_encoder(network, Path(recipe.model["backbone"]))
    if recipe.start is not None:
        if recipe.head != alternatives.NUMBERS:
            raise UsageError("the recipe's head: a checkpoint has number tokens and no other head")
        folder = checkpoint.locate(recipe.start.checkpoint)
        if recipe.start.method == COUNTS and not (folder / checkpoint.COUNTS).exists():
            message = f"{recipe.start.checkpoint} counts nothing, so nothing would learn"
            raise UsageError(message, hint="another method in [start], or another checkpoint")
        loaded = checkpoint.load_network(folder)
        state = loaded.state_dict()
        if config.compares and not loaded.config.compares:
            state |= _sides(network)
        network.load_state_dict(state)
        _choose_weights(network, recipe.start.method, recipe.start.rank, recipe.seed)
    return network


def _refuse_sides(start: Start, config: ModelConfig) -> None:
    """A checkpoint that knows no sides learns them with all of its weights, and from measured changes."""
    if isinstance(config, T5GemmaConfig):
        raise UsageError("a T5Gemma reads no sides of a change", hint="[train] changes = 0")
    if start.method != FULL or start.rehearse:
        message = f"{start.checkpoint} has no space that compares, and would learn one from [train] changes"
        raise UsageError(message, hint='changes = 0, or method = "full" and rehearse = 0 in [start]')


def _sides(network: Head) -> dict[str, Tensor]:
    """Fresh sides for weights that knew none: what is of both sides, as every plain text is, adds nothing."""
    side_CD = network.get_parameter(SIDES).detach().clone()
    side_CD[Side.BOTH] = 0
    return {SIDES: side_CD}


def _choose_weights(network: Head, method: str, rank: int, seed: int) -> None:
    """Leave only those weights trainable that the method trains."""
    if method == COUNTS:
        network.requires_grad_(False)
    elif method == FROZEN:
        behind = ("target_", "decoder", "head", "bridge")
        for name, weight in network.named_parameters():
            weight.requires_grad_(name.startswith(behind))
    elif method == LORA:
        from peft import LoraConfig, inject_adapter_in_model

        linear = [name for name, part in network.named_modules() if isinstance(part, nn.Linear)]
        targets = [name for name in linear if name != "head"]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets), network)


def merged(network: Head) -> Head:
    """The network with its low-rank additions added up; itself if it has none."""
    from peft.tuners.lora import LoraLayer

    whole = copy.deepcopy(network)
    for name, part in list(whole.named_modules()):
        if isinstance(part, LoraLayer):
            part.merge()
            parent, _, child = name.rpartition(".")
            setattr(whole.get_submodule(parent), child, part.get_base_layer())
    return whole
