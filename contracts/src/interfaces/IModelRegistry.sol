// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeedRegistry} from "./IFeedRegistry.sol";
import {IModelAttestations} from "./IModelAttestations.sol";

/// @title IModelRegistry
/// @notice Immutable, content-addressed model specs. `modelId = keccak256(abi.encode(spec))`: whoever has the files can
/// recompute everything that a spec says. Repair means a successor model; nothing in a spec ever changes.
///
/// Two kinds: the author of a public model publishes the files, and anyone can recompute its digests; hashes of a
/// private one are salted, and only whom the author shows the files can. Both are proved in the same way.
///
/// Who can do what (there is no owner of the registry):
/// - an author deprecates its model, once, with notice. At worst a model ends for new requests, `DEPRECATION_NOTICE`
///   after everyone could see it coming; open requests and answers are out of its reach;
/// - anyone names the generated verifier of direct mode (its code hash is in the spec) and attests.
/// @dev WARNING: a registrant is trusted until someone recompiles the model and compares digests (`dodona model
/// verify`). A key of the right shape with gates switched off would prove anything.
interface IModelRegistry is IModelAttestations {
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
    /// @notice A model takes no new requests from `effectiveAt` on; `successor` may be 0.
    event DeprecationAnnounced(bytes32 indexed modelId, bytes32 indexed successor, uint64 effectiveAt);
    /// @notice The address of the generated verifier for direct mode is known from now on.
    event DirectVerifierSet(bytes32 indexed modelId, address indexed verifier);

    error ModelExists(bytes32 modelId);
    error ModelUnknown(bytes32 modelId);
    /// @notice A deprecation is announced already, whether or not its notice is over.
    error ModelAlreadyDeprecated(bytes32 modelId);
    /// @notice The model takes no new requests any more.
    error ModelDeprecated(bytes32 modelId);
    /// @notice The successor is the model itself, or its own deprecation is announced.
    error SuccessorDeprecated(bytes32 successor);
    /// @notice `effectiveAt` is too soon, or so late that it can only be a mistake.
    error EffectiveAtOutOfRange(uint256 earliest, uint256 latest, uint256 got);
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

    /// @notice Author only, once: no new requests from `effectiveAt` on; open ones are not touched. Not to be taken
    /// back.
    /// @param successor the model that replaces it, or 0. It must be registered and have no announced deprecation, so
    /// links never form a cycle: along a chain of successors each deprecation was announced after the one before it.
    /// WARNING: a link is the author's advice. Nothing checks that both models take and give the same, and nobody is
    /// moved to it.
    /// @param effectiveAt seconds since 1970, `DEPRECATION_NOTICE` to `MAX_NOTICE` from now.
    function deprecate(bytes32 modelId, bytes32 successor, uint64 effectiveAt) external;

    /// @notice Anyone: names the deployed generated verifier. Its runtime code hash must be the one in the spec. Once.
    function setDirectVerifier(bytes32 modelId, address verifier) external;

    /// @notice keccak256(abi.encode(spec)), without registering anything.
    function computeId(ModelSpec calldata spec) external pure returns (bytes32);

    /// @notice Where committed sources are defined.
    function feeds() external view returns (IFeedRegistry);

    function exists(bytes32 modelId) external view returns (bool);

    /// @notice The whole spec. Reverts with `ModelUnknown`.
    function specOf(bytes32 modelId) external view returns (ModelSpec memory);

    /// @notice As `specOf`, for those who begin something new: reverts with `ModelDeprecated` from `effectiveAt` on.
    function openSpecOf(bytes32 modelId) external view returns (ModelSpec memory);

    /// @notice Whether the registrant keeps the model's files to itself. Reverts with `ModelUnknown`.
    function isPrivate(bytes32 modelId) external view returns (bool);

    /// @notice True from `effectiveAt` on; false for models that do not exist.
    function isDeprecated(bytes32 modelId) external view returns (bool);

    /// @notice From when on the model takes no new requests; 0: no deprecation is announced.
    function deprecatedAt(bytes32 modelId) external view returns (uint64 effectiveAt);

    /// @notice Least seconds between announcement and `effectiveAt`.
    function DEPRECATION_NOTICE() external view returns (uint64);

    /// @notice Most seconds between announcement and `effectiveAt`.
    function MAX_NOTICE() external view returns (uint64);

    /// @notice Model that replaces this one, from the announcement on; 0 if none.
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
