// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {ModelAttestations} from "./ModelAttestations.sol";
import {IFeedRegistry} from "./interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {CodeStore} from "./libraries/CodeStore.sol";
import {Words} from "./libraries/Words.sol";

/// @title ModelRegistry
/// @notice See IModelRegistry. No owner, no upgrade: a spec is stored as code and never changes.
/// @dev Storage: slots 0 and 1 fallbacks of EIP712 (unused, its strings are short); 2 to 4 attestations; 5 `_entries`;
/// 6 `_directVerifier`; 7 `_successor`. No proxy, so nothing depends on the order.
contract ModelRegistry is IModelRegistry, ModelAttestations {
    /// @dev One slot: `openSpecOf` learns with one load where the spec is and whether it is still open.
    /// @param specAt account whose code is the encoded spec.
    /// @param deprecatedAt 0: no deprecation is announced.
    struct Entry {
        address specAt;
        uint64 deprecatedAt;
    }

    /// @notice Greatest number of values in one source tensor.
    uint256 public constant MAX_LENGTH = 1 << 16;
    /// @notice Greatest number of outputs.
    uint256 public constant MAX_OUTPUTS = 45;
    /// @notice Words of an aggregated instance, context included.
    uint256 public constant AGGREGATED_WORDS = 16;
    /// @notice Greatest number of sources, which also bounds the work of checking that publishers are distinct.
    uint256 public constant MAX_SOURCES = 15;

    /// @inheritdoc IModelRegistry
    uint64 public constant DEPRECATION_NOTICE = 7 days;
    /// @inheritdoc IModelRegistry
    uint64 public constant MAX_NOTICE = 365 days;

    /// @inheritdoc IModelRegistry
    IFeedRegistry public immutable feeds;

    mapping(bytes32 modelId => Entry) private _entries;
    mapping(bytes32 modelId => address) private _directVerifier;
    mapping(bytes32 modelId => bytes32) private _successor;

    /// @param feeds_ the feed registry.
    constructor(IFeedRegistry feeds_) EIP712("Dodona ModelRegistry", "1") {
        feeds = feeds_;
    }

    /// @inheritdoc IModelRegistry
    function register(ModelSpec calldata spec) external returns (bytes32 modelId) {
        if (msg.sender != spec.author) revert NotAuthor(spec.author, msg.sender);
        bytes memory encoded = abi.encode(spec);
        modelId = keccak256(encoded);
        if (exists(modelId)) revert ModelExists(modelId);
        _checkFields(spec);
        uint256 perSlot = _checkSources(spec.sources) + Words.outputWords(spec.nOutputs);
        _checkKeys(spec, perSlot);
        _entries[modelId].specAt = CodeStore.write(encoded);
        emit ModelRegistered(modelId, spec.author, spec);
    }

    /// @inheritdoc IModelRegistry
    /// @dev The announcement is written before the successor is looked at, so that a model cannot succeed itself.
    function deprecate(bytes32 modelId, bytes32 successor, uint64 effectiveAt) external {
        address author = specOf(modelId).author;
        if (msg.sender != author) revert NotAuthor(author, msg.sender);
        if (_entries[modelId].deprecatedAt != 0) revert ModelAlreadyDeprecated(modelId);
        uint256 earliest = block.timestamp + DEPRECATION_NOTICE;
        uint256 latest = block.timestamp + MAX_NOTICE;
        if (effectiveAt < earliest || effectiveAt > latest) {
            revert EffectiveAtOutOfRange(earliest, latest, effectiveAt);
        }
        _entries[modelId].deprecatedAt = effectiveAt;
        if (successor != 0) {
            _requireModel(successor);
            if (_entries[successor].deprecatedAt != 0) revert SuccessorDeprecated(successor);
            _successor[modelId] = successor;
        }
        emit DeprecationAnnounced(modelId, successor, effectiveAt);
    }

    /// @inheritdoc IModelRegistry
    function setDirectVerifier(bytes32 modelId, address verifier) external {
        bytes32 expected = specOf(modelId).directVerifierCodeHash;
        address current = _directVerifier[modelId];
        if (current != address(0)) revert DirectVerifierAlreadySet(modelId, current);
        bytes32 got = verifier.codehash;
        if (expected == 0 || got != expected) revert CodeHashMismatch(expected, got);
        _directVerifier[modelId] = verifier;
        emit DirectVerifierSet(modelId, verifier);
    }

    /// @inheritdoc IModelRegistry
    function computeId(ModelSpec calldata spec) external pure returns (bytes32) {
        return keccak256(abi.encode(spec));
    }

    /// @inheritdoc IModelRegistry
    function exists(bytes32 modelId) public view returns (bool) {
        return _entries[modelId].specAt != address(0);
    }

    /// @inheritdoc IModelRegistry
    function specOf(bytes32 modelId) public view returns (ModelSpec memory) {
        return _read(modelId, _entries[modelId].specAt);
    }

    /// @inheritdoc IModelRegistry
    function openSpecOf(bytes32 modelId) external view returns (ModelSpec memory) {
        Entry memory entry = _entries[modelId];
        if (_isOver(entry.deprecatedAt)) revert ModelDeprecated(modelId);
        return _read(modelId, entry.specAt);
    }

    /// @inheritdoc IModelRegistry
    function isPrivate(bytes32 modelId) external view returns (bool) {
        return specOf(modelId).isPrivate;
    }

    /// @inheritdoc IModelRegistry
    function isDeprecated(bytes32 modelId) external view returns (bool) {
        return _isOver(_entries[modelId].deprecatedAt);
    }

    /// @inheritdoc IModelRegistry
    function deprecatedAt(bytes32 modelId) external view returns (uint64 effectiveAt) {
        return _entries[modelId].deprecatedAt;
    }

    /// @inheritdoc IModelRegistry
    function successorOf(bytes32 modelId) external view returns (bytes32) {
        return _successor[modelId];
    }

    /// @inheritdoc IModelRegistry
    function vkDigestOf(bytes32 modelId, uint256 batch) external view returns (uint256) {
        uint256[] memory digests = specOf(modelId).vkDigests;
        return batch == 0 || batch > digests.length ? 0 : digests[batch - 1];
    }

    /// @inheritdoc IModelRegistry
    function directVerifierOf(bytes32 modelId) external view returns (address) {
        return _directVerifier[modelId];
    }

    /// @inheritdoc IModelRegistry
    function wordsPerSlot(bytes32 modelId) external view returns (uint256 count) {
        ModelSpec memory spec = specOf(modelId);
        count = Words.outputWords(spec.nOutputs);
        for (uint256 s = 0; s < spec.sources.length; ++s) {
            count += spec.sources[s].kind == 0 ? 1 : Words.inputWords(spec.sources[s].length);
        }
    }

    /// @inheritdoc IModelRegistry
    function publicWordsOf(bytes32 modelId) external view returns (uint256 count) {
        Source[] memory sources = specOf(modelId).sources;
        for (uint256 s = 0; s < sources.length; ++s) {
            if (sources[s].kind == 1) count += Words.inputWords(sources[s].length);
        }
    }

    function _requireModel(bytes32 modelId) internal view override {
        if (!exists(modelId)) revert ModelUnknown(modelId);
    }

    function _read(bytes32 modelId, address specAt) private view returns (ModelSpec memory) {
        if (specAt == address(0)) revert ModelUnknown(modelId);
        return abi.decode(CodeStore.read(specAt), (ModelSpec));
    }

    function _isOver(uint256 at) private view returns (bool) {
        return at != 0 && block.timestamp >= at;
    }

    function _checkFields(ModelSpec calldata spec) private pure {
        if (spec.onnxHash == 0) revert BadSpec("onnxHash", 0);
        if (spec.quantHash == 0) revert BadSpec("quantHash", 0);
        if (spec.nOutputs == 0 || spec.nOutputs > MAX_OUTPUTS) revert BadSpec("nOutputs", spec.nOutputs);
        if (spec.outputDecimals < -18 || spec.outputDecimals > 18) {
            revert BadSpec("outputDecimals", uint256(int256(spec.outputDecimals)));
        }
    }

    /// @return words instance words that the sources of one slot take
    function _checkSources(Source[] calldata sources) private view returns (uint256 words) {
        if (sources.length == 0 || sources.length > MAX_SOURCES) revert BadSpec("sources", sources.length);
        for (uint256 s = 0; s < sources.length; ++s) {
            Source calldata source = sources[s];
            if (source.kind > 1) revert BadSpec("kind", source.kind);
            if (source.length == 0 || source.length > MAX_LENGTH) revert BadSpec("length", source.length);
            if (source.kind == 1) {
                if (source.feedId != 0) revert BadSpec("feedId", uint256(source.feedId));
                words += Words.inputWords(source.length);
            } else {
                uint256 length = feeds.feedOf(source.feedId).length;
                if (length != source.length) revert SourceLengthMismatch(source.feedId, length, source.length);
                ++words;
            }
        }
    }

    function _checkKeys(ModelSpec calldata spec, uint256 perSlot) private pure {
        uint256 keys = 0;
        for (uint256 i = 0; i < spec.vkDigests.length; ++i) {
            uint256 digest = spec.vkDigests[i];
            if (digest >= Words.R) revert BadSpec("vkDigests", digest);
            if (digest == 0) continue;
            if (1 + (i + 1) * perSlot > AGGREGATED_WORDS) revert BadSpec("words", 1 + (i + 1) * perSlot);
            ++keys;
        }
        if ((keys == 0) != (spec.shape == 0)) revert BadSpec("shape", spec.shape);
        bool direct = spec.directVerifierCodeHash != 0;
        if (direct != (spec.directProofLength != 0) || spec.directProofLength % 32 != 0) {
            revert BadSpec("directProofLength", spec.directProofLength);
        }
        if (!direct && keys == 0) revert BadSpec("keys", 0);
    }
}
