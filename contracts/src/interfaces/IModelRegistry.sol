// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeedRegistry} from "./IFeedRegistry.sol";

/// @title IModelRegistry
/// @notice Immutable, content-addressed model specs. `modelId = keccak256(abi.encode(spec))`: whoever has the files can
/// recompute everything that a spec says. Repair means a successor model; nothing in a spec ever changes.
/// @dev WARNING: a registrant is trusted until someone recompiles the model and compares digests (`dodona model verify`).
/// A key of the right shape with gates switched off would prove anything.
interface IModelRegistry {
    /// @notice One input tensor of the model.
    /// @param kind 0: committed (a publisher's signed header hides it), 1: public (packed words come with the request).
    /// @param feedId feed of a committed source, which must exist with the same `length`; 0 for a public source.
    /// Naming one feed in k sources asks for k distinct publishers of one and the same observation time.
    /// @param length number of values in the tensor, 1..2^16.
    struct Source {
        uint8 kind;
        bytes32 feedId;
        uint32 length;
    }

    /// @notice What a model is.
    /// @param author account that registers it; the only one that may deprecate it. Part of the id, so that nobody can
    /// register somebody else's model first and own it.
    /// @param onnxHash keccak256 of the ONNX file (salted if `isPrivate`).
    /// @param quantHash keccak256 of the canonical quantised program (salted if `isPrivate`).
    /// @param sources input tensors in the order of the instance words, at least one.
    /// @param nOutputs number of signed 64-bit outputs of one inference, 1..45.
    /// @param outputDecimals real value = output / 10^outputDecimals; -18..18.
    /// @param isPrivate the registrant does not publish the model.
    /// @param shape id of the universal shape whose aggregation key accepts this model; 0 if none does.
    /// @param vkDigests index i: digest (Poseidon, `< r`) of the inner key for a batch of i + 1; 0: no such batch size.
    /// @param directVerifierCodeHash runtime code hash of the generated verifier for batch 1; 0: no direct mode.
    /// @param directProofLength exact length in bytes of a direct proof, without instance words; 0 iff no direct mode.
    struct ModelSpec {
        address author;
        bytes32 onnxHash;
        bytes32 quantHash;
        Source[] sources;
        uint16 nOutputs;
        int8 outputDecimals;
        bool isPrivate;
        uint32 shape;
        uint256[] vkDigests;
        bytes32 directVerifierCodeHash;
        uint32 directProofLength;
    }

    /// @notice A model was registered. `spec` is the preimage of `modelId`.
    event ModelRegistered(bytes32 indexed modelId, address indexed author, ModelSpec spec);
    /// @notice A model takes no new requests any more; `successor` may be 0.
    event ModelDeprecated(bytes32 indexed modelId, bytes32 indexed successor);
    /// @notice The address of the generated verifier for direct mode is known from now on.
    event DirectVerifierSet(bytes32 indexed modelId, address indexed verifier);

    error ModelExists(bytes32 modelId);
    error ModelUnknown(bytes32 modelId);
    error ModelAlreadyDeprecated(bytes32 modelId);
    error NotAuthor(address expected, address got);
    /// @notice A field of the spec is outside its range; `field` is its name.
    error BadSpec(string field, uint256 got);
    /// @notice A committed source names a feed whose tensor has another length.
    error SourceLengthMismatch(bytes32 feedId, uint256 expected, uint256 got);
    error CodeHashMismatch(bytes32 expected, bytes32 got);
    error DirectVerifierAlreadySet(bytes32 modelId, address verifier);

    /// @notice Registers `spec`; the caller must be `spec.author`.
    /// @return modelId keccak256(abi.encode(spec))
    function register(ModelSpec calldata spec) external returns (bytes32 modelId);

    /// @notice Author only, once: no new requests from now on; open ones are not touched.
    /// @param successor the model that replaces it (must be registered), or 0.
    function deprecate(bytes32 modelId, bytes32 successor) external;

    /// @notice Anyone: names the deployed generated verifier. Its runtime code hash must be the one in the spec. Once.
    function setDirectVerifier(bytes32 modelId, address verifier) external;

    /// @notice keccak256(abi.encode(spec)), without registering anything.
    function computeId(ModelSpec calldata spec) external pure returns (bytes32);

    /// @notice Where committed sources are defined.
    function feeds() external view returns (IFeedRegistry);

    function exists(bytes32 modelId) external view returns (bool);

    /// @notice The whole spec. Reverts with `ModelUnknown`.
    function specOf(bytes32 modelId) external view returns (ModelSpec memory);

    function isDeprecated(bytes32 modelId) external view returns (bool);

    /// @notice Model that replaces this one; 0 if none.
    function successorOf(bytes32 modelId) external view returns (bytes32);

    /// @notice Digest of the inner key for `batch` slots (1-based); 0 if that batch size is not supported.
    function vkDigestOf(bytes32 modelId, uint256 batch) external view returns (uint256);

    /// @notice Generated verifier of direct mode; 0 until `setDirectVerifier`.
    function directVerifierOf(bytes32 modelId) external view returns (address);

    /// @notice Instance words of one slot: commitments, packed public words and packed outputs (without the context).
    function wordsPerSlot(bytes32 modelId) external view returns (uint256);

    /// @notice Packed words that a request must bring: Σ over public sources of ceil(length / 6).
    function publicWordsOf(bytes32 modelId) external view returns (uint256);
}
