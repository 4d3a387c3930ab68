// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier} from "../interfaces/IVerifier.sol";
import {Words} from "../libraries/Words.sol";

/// @title VerifierWrapper
/// @notice What both wrappers share: field checks and the capped call. A generated verifier takes instance words and
/// proof as raw calldata and reverts unless the proof is right; what it returns is not looked at.
abstract contract VerifierWrapper is IProofVerifier {
    /// @dev Kept back for what the call itself costs (cold account, memory) before the 63/64 rule applies.
    uint256 private constant CALL_OVERHEAD = 10_000;

    /// @inheritdoc IProofVerifier
    uint256 public immutable gasCap;

    constructor(uint256 gasCap_) {
        gasCap = gasCap_;
    }

    function _checkWords(uint256[] calldata words) internal pure {
        for (uint256 i = 0; i < words.length; ++i) {
            if (words[i] >= Words.R) revert WordNotInField(i, words[i]);
        }
    }

    /// @dev Exactly `gasCap` or a revert: with less, a right proof could be made to look wrong.
    function _call(address target, bytes memory data) internal view returns (bool ok) {
        if (target.code.length == 0) revert NoCode(target);
        uint256 cap = gasCap;
        uint256 required = cap + cap / 63 + CALL_OVERHEAD;
        if (gasleft() < required) revert InsufficientVerifierGas(required, gasleft());
        assembly ("memory-safe") {
            ok := staticcall(cap, target, add(data, 0x20), mload(data), 0, 0)
        }
    }
}

/// @title DirectVerifier
/// @notice Verifier of direct mode: each model has its own generated contract, named by the key. The caller vouches for
/// that contract (the oracle takes it from the registry, which pins its code hash).
contract DirectVerifier is VerifierWrapper {
    /// @inheritdoc IProofVerifier
    uint8 public constant mode = 0;
    /// @inheritdoc IProofVerifier
    uint32 public constant shape = 0;
    /// @inheritdoc IProofVerifier
    address public constant implementation = address(0);

    /// @param gasCap_ gas for a generated verifier.
    constructor(uint256 gasCap_) VerifierWrapper(gasCap_) {}

    /// @inheritdoc IProofVerifier
    function verify(uint256 key, uint256[] calldata words, uint256 proofLength, bytes calldata proof)
        external
        view
        returns (bool)
    {
        if (words.length == 0) revert WordCount(1, 0);
        if (proof.length != proofLength || proofLength == 0) revert ProofLength(proofLength, proof.length);
        if (key > type(uint160).max) revert KeyNotAddress(key);
        _checkWords(words);
        return _call(address(uint160(key)), abi.encodePacked(words, proof));
    }
}

/// @title AggregatedVerifier
/// @notice Verifier of aggregated mode: one generated contract for all models of a shape. Its calldata is
/// `12 limbs ‖ key digest ‖ words ‖ proof`.
contract AggregatedVerifier is VerifierWrapper {
    /// @notice Accumulator limbs: x and y of two points, three limbs each.
    uint256 public constant LIMBS = 12;
    uint256 private constant LIMB_BYTES = LIMBS * 32;
    uint256 private constant LIMB_BOUND = 1 << 88;

    /// @inheritdoc IProofVerifier
    uint8 public constant mode = 1;
    /// @inheritdoc IProofVerifier
    uint32 public immutable shape;
    /// @inheritdoc IProofVerifier
    address public immutable implementation;
    /// @notice Words of an instance.
    uint256 public immutable wordCount;
    /// @notice Length of `proof` in `verify`, limbs included, in bytes.
    uint256 public immutable submittedLength;

    /// @param implementation_ generated verifier; must have code.
    /// @param shape_ id of the shape, not 0.
    /// @param wordCount_ inner instance words (16 in the narrow shape).
    /// @param outerProofLength bytes of the outer proof, without limbs.
    /// @param gasCap_ gas for the generated verifier.
    constructor(address implementation_, uint32 shape_, uint256 wordCount_, uint256 outerProofLength, uint256 gasCap_)
        VerifierWrapper(gasCap_)
    {
        if (implementation_.code.length == 0) revert NoCode(implementation_);
        implementation = implementation_;
        shape = shape_;
        wordCount = wordCount_;
        submittedLength = LIMB_BYTES + outerProofLength;
    }

    /// @inheritdoc IProofVerifier
    function verify(uint256 key, uint256[] calldata words, uint256, bytes calldata proof) external view returns (bool) {
        if (words.length != wordCount) revert WordCount(wordCount, words.length);
        if (proof.length != submittedLength) revert ProofLength(submittedLength, proof.length);
        if (key >= Words.R) revert WordNotInField(words.length, key);
        _checkWords(words);
        _checkLimbs(proof);
        return _call(implementation, abi.encodePacked(proof[:LIMB_BYTES], key, words, proof[LIMB_BYTES:]));
    }

    function _checkLimbs(bytes calldata proof) private pure {
        for (uint256 point = 0; point < 2; ++point) {
            uint256 any = 0;
            for (uint256 i = point * 6; i < point * 6 + 6; ++i) {
                uint256 limb = uint256(bytes32(proof[i * 32:i * 32 + 32]));
                if (limb >= LIMB_BOUND) revert LimbTooLarge(i, limb);
                any |= limb;
            }
            if (any == 0) revert IdentityPoint(point);
        }
    }
}
