"""The compact network: caching, padding, rows and learning, on a miniature model."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ci_rlm.flow import Kind, Metric, Space
from ci_rlm.model.config import ModelConfig
from ci_rlm.model.network import Memories, Network, collate
from ci_rlm.model.number_codec import PAD, VOCABULARY

TEXTS = [[1, 5, 9, 30, 4, 8], [1, 7, 2]]


def miniature(seed: int = 0) -> Network:
    metrics = (Metric("peak_memory", "B"), Metric("cpu_time", "s"))
    space = Space("s", "S\n", (Kind.FUNCTION,), metrics, "test", size=100.0)
    config = ModelConfig(
        name="miniature",
        hardware="test",
        spaces=(space,),
        vocab_size=40,
        width=32,
        heads=2,
        encoder_layers=2,
        decoder_layers=2,
        feed_forward=48,
    )
    return Network(config, seed).eval()


def targets(prompts: int, rows: int, tokens: int = 27) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.randint(1, VOCABULARY, (prompts, rows, tokens), generator=generator)


def largest_difference(one: Tensor, other: Tensor) -> float:
    return (one - other).abs().max().item()


@torch.no_grad()
def test_stepping_with_a_cache_gives_the_teacher_forced_logits() -> None:
    network, target = miniature(), targets(2, 3)
    memory = network.encode(*collate(TEXTS))
    shifted = functional.pad(target[..., :-1], (1, 0), value=PAD)
    logits, cache = network.extend(shifted[..., :10], memory)
    steps = [logits]
    for position in range(10, 27):
        logits, cache = network.extend(shifted[..., position : position + 1], memory, cache)
        steps.append(logits)
    assert largest_difference(torch.cat(steps, dim=2), network(*collate(TEXTS), target)) < 1e-5


@torch.no_grad()
def test_several_tokens_extend_a_cache_as_single_ones_do() -> None:
    network, target = miniature(), targets(2, 3)
    memory = network.encode(*collate(TEXTS))
    whole, _ = network.extend(target, memory)
    _, cache = network.extend(target[..., :9], memory)
    rest, _ = network.extend(target[..., 9:], memory, cache)
    assert largest_difference(rest, whole[:, :, 9:]) < 1e-5


@torch.no_grad()
def test_padding_changes_nothing() -> None:
    network, target = miniature(), targets(2, 2)
    together = network(*collate(TEXTS), target)
    for index, text in enumerate(TEXTS):
        alone = network(*collate([text]), target[index, None])
        assert largest_difference(together[index], alone[0]) < 1e-5


@torch.no_grad()
def test_the_rows_of_a_prompt_do_not_see_each_other() -> None:
    network, target = miniature(), targets(2, 3)
    together = network(*collate(TEXTS), target)
    for row in range(3):
        alone = network(*collate(TEXTS), target[:, row, None])
        assert largest_difference(together[:, row], alone[:, 0]) < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("position", [0, 8, 25])
def test_a_token_is_predicted_from_those_before_it_alone(position: int) -> None:
    network, target = miniature(), targets(1, 1)
    changed = target.clone()
    changed[..., position] = target[..., position] % 12 + 1
    before, after = network(*collate(TEXTS[:1]), target), network(*collate(TEXTS[:1]), changed)
    assert largest_difference(before[..., : position + 1, :], after[..., : position + 1, :]) == 0
    assert largest_difference(before[..., position + 1, :], after[..., position + 1, :]) > 0


@torch.no_grad()
@pytest.mark.parametrize("text", [[1, 5, 9, 30, 8, 4], [1, 5, 9, 30, 4], [2, 5, 9, 30, 4, 8]])
def test_the_answer_depends_on_every_token_and_on_their_order(text: list[int]) -> None:
    network, target = miniature(), targets(1, 1)
    assert largest_difference(network(*collate(TEXTS[:1]), target), network(*collate([text]), target)) > 1e-3


@torch.no_grad()
def test_a_cache_repeats_and_picks_rows() -> None:
    network, target = miniature(), targets(2, 3)
    memory = network.encode(*collate(TEXTS))
    _, fan = network.extend(target[:, :1, :9], memory)
    fanned, _ = network.extend(target[..., 9:], memory, fan.repeat(3))
    joined = torch.cat([target[:, :1, :9].expand(-1, 3, -1), target[..., 9:]], dim=2)
    assert largest_difference(fanned, network.extend(joined, memory)[0][:, :, 9:]) < 1e-5
    _, rows = network.extend(target[..., :9], memory)
    parents = torch.tensor([[2, 0, 0, 1], [1, 1, 2, 0]])
    following = targets(2, 4)[..., 9:]
    picked, _ = network.extend(following, memory, rows.pick(parents))
    chosen = torch.stack([target[0, parents[0], :9], target[1, parents[1], :9]])
    joined = torch.cat([chosen, following], dim=2)
    assert largest_difference(picked, network.extend(joined, memory)[0][:, :, 9:]) < 1e-5


@torch.no_grad()
def test_prompts_that_were_encoded_apart_are_decoded_as_each_alone() -> None:
    network, target = miniature(), targets(2, 3)
    apart = Memories(tuple(network.encode(*collate([text])) for text in TEXTS))
    together, cache = network.extend(target[..., :9], apart)
    further, _ = network.extend(target[..., 9:10], apart, cache)
    for index, text in enumerate(TEXTS):
        alone = network.encode(*collate([text]))
        whole, _ = network.extend(target[index, None], alone)
        assert largest_difference(together[index], whole[0, :, :9]) < 1e-5
        assert largest_difference(further[index], whole[0, :, 9:10]) < 1e-5


class Companionable(nn.Module):
    """A product that is another one in company: its answers depend on how many rows there are."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) * (1 + 1e-6 * x.shape[0])


def test_sums_that_depend_on_company_are_found_out() -> None:
    network = miniature()
    network.decoder[0].feed_forward = Companionable(network.decoder[0].feed_forward)
    assert not network.rows_stand_alone(prompts=4, rows=5)


def test_the_weights_come_from_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = miniature(seed=4).state_dict()
    torch.manual_seed(2)
    again, other = miniature(seed=4).state_dict(), miniature(seed=5).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


@torch.no_grad()
def test_an_untrained_network_is_undecided() -> None:
    logits = miniature()(*collate(TEXTS), targets(2, 2))
    assert logits.softmax(-1).max() < 0.25


@torch.no_grad()
def test_bfloat16_answers_as_float32_does_to_its_precision() -> None:
    network, target = miniature(), targets(2, 2)
    exact = network(*collate(TEXTS), target)
    rough = network.to(torch.bfloat16)(*collate(TEXTS), target)
    assert rough.dtype == torch.float32
    assert largest_difference(rough, exact) < 0.05


def test_every_weight_learns() -> None:
    network, target = miniature().train(), targets(2, 3)
    logits = network(*collate(TEXTS), target)
    functional.cross_entropy(logits.flatten(0, 2), target.flatten()).backward()
    assert [name for name, weight in network.named_parameters() if not weight.grad.abs().sum() > 0] == []


def test_a_miniature_learns_to_tell_two_texts_apart() -> None:
    network = miniature().train()
    target = torch.tensor([[[1, 1, 3, 9, *[5] * 5]], [[1, 2, 4, 4, *[7] * 5]]])
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(40):
        loss = functional.cross_entropy(network(*collate(TEXTS), target).flatten(0, 2), target.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert network(*collate(TEXTS), target).argmax(-1).equal(target)


def test_a_batch_is_padded_to_its_longest_text_and_no_further() -> None:
    source, keep = collate([[1, 5, 9], [1]])
    assert source.tolist() == [[1, 5, 9], [1, PAD, PAD]]
    assert keep is not None
    assert keep.tolist() == [[True, True, True], [True, False, False]]


def test_texts_of_one_length_need_no_mask() -> None:
    assert collate([[1, 5], [1, 6]])[1] is None
