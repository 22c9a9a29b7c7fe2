"""The tree equals the recursive definitions of RFC 9162, for every size up to 64, and proofs prove nothing else."""

from connector.identity.audit import merkle
from connector.identity.audit.merkle import Frontier, Tree

LEAVES = [merkle.leaf_hash(bytes([number])) for number in range(64)]


def split(size: int) -> int:
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def mth(leaves: list[bytes]) -> bytes:
    """2.1.1, word for word."""
    if not leaves:
        return merkle.EMPTY
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return merkle.node_hash(mth(leaves[:k]), mth(leaves[k:]))


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """2.1.3.1, word for word."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """2.1.4.1, word for word."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


ROOTS = [mth(LEAVES[:size]) for size in range(65)]


def test_known_roots() -> None:
    """The empty tree, and the first leaves of the well-known test tree of RFC 6962 implementations."""
    assert Tree([]).root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    two = [merkle.leaf_hash(b""), merkle.leaf_hash(b"\0")]
    assert Tree(two).root().hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"


def test_roots_and_frontiers() -> None:
    """Every size, whole, as a prefix of a larger tree, and appended in every split."""
    whole = Tree(LEAVES)
    for size in range(65):
        assert Tree(LEAVES[:size]).root() == whole.root(size) == ROOTS[size]
        for first in range(size + 1):
            grown = merkle.NOTHING.append(LEAVES[:first]).append(LEAVES[first:size])
            assert (grown.size, grown.root()) == (size, ROOTS[size])
            assert Frontier.unpack(size, grown.pack()) == grown


def test_inclusion_proofs() -> None:
    """Every leaf of every tree: the proof of the definition, and it verifies."""
    whole = Tree(LEAVES)
    for size in range(1, 65):
        for index in range(size):
            proof = whole.inclusion(index, size)
            assert proof == path(index, LEAVES[:size])
            assert merkle.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


def test_inclusion_proofs_prove_one_place() -> None:
    """Another index, size, leaf, root or length of the proof does not verify."""
    whole = Tree(LEAVES)
    for size in range(1, 20):
        for index in range(size):
            proof = whole.inclusion(index, size)
            for other in range(-1, size + 2):
                holds = merkle.verify_inclusion(LEAVES[index], other, size, proof, ROOTS[size])
                assert holds == (other == index)
            assert not merkle.verify_inclusion(LEAVES[-1], index, size, proof, ROOTS[size])
            assert not merkle.verify_inclusion(LEAVES[index], index, size, [*proof, LEAVES[0]], ROOTS[size])
            assert not merkle.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size + 1])
            if proof:
                assert not merkle.verify_inclusion(LEAVES[index], index, size, proof[:-1], ROOTS[size])


def test_consistency_proofs() -> None:
    """Every pair of sizes: the proof of the definition, and it verifies."""
    whole = Tree(LEAVES)
    for new in range(1, 65):
        for old in range(1, new + 1):
            proof = whole.consistency(old, new)
            assert proof == subproof(old, LEAVES[:new], True)
            assert merkle.verify_consistency(old, new, proof, ROOTS[old], ROOTS[new])
        assert merkle.verify_consistency(0, new, [], merkle.EMPTY, ROOTS[new])


def test_a_fork_or_rollback_is_not_consistent() -> None:
    """A changed old leaf, a shorter log, a padded or cut proof."""
    whole = Tree(LEAVES)
    for new in range(2, 33):
        for old in range(1, new):
            forked = mth([merkle.leaf_hash(b"fork"), *LEAVES[1:old]])
            proof = whole.consistency(old, new)
            assert not merkle.verify_consistency(old, new, proof, forked, ROOTS[new])
            assert not merkle.verify_consistency(old, new, proof, ROOTS[old], mth([*LEAVES[: new - 1], b"x" * 32]))
            assert not merkle.verify_consistency(old, new, [*proof, LEAVES[0]], ROOTS[old], ROOTS[new])
            assert not merkle.verify_consistency(old, new, proof[:-1], ROOTS[old], ROOTS[new])
            assert not merkle.verify_consistency(new, old, proof, ROOTS[new], ROOTS[old])
        assert not merkle.verify_consistency(new, new, [], ROOTS[new - 1], ROOTS[new])
        assert not merkle.verify_consistency(-1, new, [], merkle.EMPTY, ROOTS[new])
