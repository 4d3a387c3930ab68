// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IDodonaCallback, IDodonaOracle} from "../interfaces/IDodonaOracle.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IRiskSource} from "../interfaces/IRiskSource.sol";
import {IVerifierRouter} from "../interfaces/IVerifier.sol";

/// @title RiskSource
/// @notice Pins sources, asks, and takes only its own proven, fresh, clean answers as vectors of whole units. What becomes of
/// a vector is the heir's affair. The owner names sources, once each, and touches no value.
abstract contract RiskSource is IRiskSource, IDodonaCallback, Ownable2Step {
    /// @dev What is fixed about one (market, type), and its newest release.
    struct Entry {
        address market;
        int8 decimals;
        uint8 count;
        uint32 latestId;
        string updateType;
        Source source;
    }

    /// @dev A request under way.
    struct Pending {
        uint32 entry;
        uint32 version;
    }

    /// @dev A vector that has been proven.
    struct Proven {
        bytes32 requestId;
        uint32 version;
        uint64 observedAt;
        uint64 validUntil;
        uint256[] values;
    }

    uint256 private constant LANES = 4;

    IDodonaOracle internal immutable _oracle;
    IVerifierRouter internal immutable _router;

    mapping(uint32 index => Entry) internal _entries;
    mapping(bytes32 key => uint32 index) private _indexOf;
    mapping(bytes32 requestId => Pending) private _pending;
    uint32 private _entryCount;

    /// @param owner_ names sources.
    /// @param oracle_ where answers come from.
    constructor(address owner_, IDodonaOracle oracle_) Ownable(owner_) {
        _oracle = oracle_;
        _router = IVerifierRouter(oracle_.verifierRouter());
    }

    /// @inheritdoc IRiskSource
    function setSource(address market, string calldata updateType, Source calldata source) external onlyOwner {
        bytes32 key = _key(market, updateType);
        if (_indexOf[key] != 0) revert SourceAlreadySet(market, updateType);
        (int8 decimals, uint16 outputs) = _checkSource(source);
        _checkAgainst(key, source, outputs);
        uint32 index = ++_entryCount;
        _indexOf[key] = index;
        Entry storage entry = _entries[index];
        entry.decimals = decimals;
        entry.count = uint8(outputs);
        entry.market = market;
        entry.updateType = updateType;
        entry.source = source;
        emit SourceSet(market, updateType, source);
    }

    /// @inheritdoc IRiskSource
    function quoteUpdate(address market, string calldata updateType, uint8 mode) external view returns (uint256 fee) {
        return _oracle.quote(_params(_known(market, updateType), mode, address(0)));
    }

    /// @inheritdoc IRiskSource
    function requestUpdate(address market, string calldata updateType, uint8 mode, address refundTo)
        external
        payable
        returns (bytes32 requestId)
    {
        uint32 index = _knownIndex(market, updateType);
        IDodonaOracle.RequestParams memory params =
            _params(_entries[index], mode, refundTo == address(0) ? msg.sender : refundTo);
        // A value that does not fit differs from what is sent, which the oracle refuses.
        params.fee = uint96(msg.value);
        requestId = _oracle.request{value: msg.value}(params);
        _pending[requestId] = Pending(index, params.verifierVersion);
        emit UpdateRequested(requestId, market, updateType, msg.sender);
    }

    /// @inheritdoc IDodonaCallback
    function onDodonaAnswer(bytes32 id, IDodonaOracle.Answer calldata answer) external {
        if (msg.sender != address(_oracle)) revert NotOracle(address(_oracle), msg.sender);
        Pending memory pending = _pending[id];
        if (pending.entry == 0) revert UnknownRequest(id);
        delete _pending[id];
        Entry storage entry = _entries[pending.entry];
        Proven memory proven = Proven(id, pending.version, answer.observedAt, answer.validUntil, new uint256[](0));
        bytes memory reason = _refusal(id, pending, entry, answer);
        if (reason.length == 0) (proven.values, reason) = _toUnits(answer.outputs, entry.decimals);
        if (reason.length == 0) reason = _take(pending.entry, entry, proven);
        if (reason.length != 0) emit UpdateRejected(id, entry.market, entry.updateType, reason);
    }

    // ----------------------------------------------------------------- reading

    /// @inheritdoc IRiskSource
    function sourceOf(address market, string calldata updateType) external view returns (Source memory) {
        return _known(market, updateType).source;
    }

    /// @inheritdoc IRiskSource
    function lastObservedAt(address market, string calldata updateType) external view returns (uint64) {
        return _lastObservedAt(_indexOf[_key(market, updateType)]);
    }

    /// @inheritdoc IRiskSource
    function oracle() external view returns (address) {
        return address(_oracle);
    }

    // ---------------------------------------------------------------- for heirs

    /// @dev Takes a proven vector. A revert leaves the answer to `retryCallback`.
    /// @return reason why it was refused; empty if it was taken.
    function _take(uint32 index, Entry storage entry, Proven memory proven)
        internal
        virtual
        returns (bytes memory reason);

    /// @dev `observedAt` of the newest vector taken; 0 if there is none.
    function _lastObservedAt(uint32 index) internal view virtual returns (uint64);

    /// @dev Reverts if the source does not fit what the heir knows of (market, type).
    function _checkAgainst(bytes32 key, Source calldata source, uint16 outputs) internal view virtual;

    function _known(address market, string calldata updateType) internal view returns (Entry storage) {
        return _entries[_knownIndex(market, updateType)];
    }

    function _knownIndex(address market, string calldata updateType) internal view returns (uint32 index) {
        index = _indexOf[_key(market, updateType)];
        if (index == 0) revert SourceUnknown(market, updateType);
    }

    /// @dev 0 if there is none.
    function _find(address market, string calldata updateType) internal view returns (uint32) {
        return _indexOf[_key(market, updateType)];
    }

    /// @dev As in IRiskEnvelope.
    function _key(address market, string memory updateType) internal pure returns (bytes32) {
        return keccak256(abi.encode(market, updateType));
    }

    /// @dev Four values of 64 bits a word, the first lowest. The envelope lets nothing larger pass.
    function _pack(mapping(uint256 => uint256) storage words, uint256[] memory values) internal {
        for (uint256 at = 0; at < values.length; at += LANES) {
            uint256 word = 0;
            for (uint256 j = at; j < values.length && j < at + LANES; ++j) {
                word |= uint256(uint64(values[j])) << (64 * (j - at));
            }
            words[at / LANES] = word;
        }
    }

    function _unpack(mapping(uint256 => uint256) storage words, uint256 count)
        internal
        view
        returns (uint256[] memory values)
    {
        values = new uint256[](count);
        uint256 word = 0;
        for (uint256 i = 0; i < count; ++i) {
            if (i % LANES == 0) word = words[i / LANES];
            values[i] = uint64(word >> (64 * (i % LANES)));
        }
    }

    // --------------------------------------------------------------- internals

    function _checkSource(Source calldata source) private view returns (int8 decimals, uint16 outputs) {
        if (source.directVersion == 0 && source.aggregatedVersion == 0) revert BadSource("version", 0);
        if (source.callbackGasLimit == 0) revert BadSource("callbackGasLimit", 0);
        if (source.timeToLive == 0) revert BadSource("timeToLive", 0);
        if (source.maxDeliveryAge == 0) revert BadSource("maxDeliveryAge", 0);
        IModelRegistry.ModelSpec memory spec = IModelRegistry(_oracle.modelRegistry()).specOf(source.modelId);
        for (uint256 s = 0; s < spec.sources.length; ++s) {
            if (spec.sources[s].kind != 0) revert PublicSourceRefused(source.modelId, s);
        }
        if (source.seed.length != 0 && source.seed.length != spec.nOutputs) {
            revert BadSource("seed", source.seed.length);
        }
        if (source.directVersion != 0 && _router.versionOf(source.directVersion).mode != 0) {
            revert BadSource("directVersion", source.directVersion);
        }
        if (source.aggregatedVersion != 0) {
            IVerifierRouter.Version memory version = _router.versionOf(source.aggregatedVersion);
            if (version.mode != 1 || version.shape != spec.shape) {
                revert BadSource("aggregatedVersion", source.aggregatedVersion);
            }
        }
        return (spec.outputDecimals, spec.nOutputs);
    }

    function _params(Entry storage entry, uint8 mode, address refundTo)
        private
        view
        returns (IDodonaOracle.RequestParams memory params)
    {
        Source storage source = entry.source;
        uint32 version = mode == 0 ? source.directVersion : mode == 1 ? source.aggregatedVersion : 0;
        if (version == 0) revert ModeNotAllowed(entry.market, entry.updateType, mode);
        params.modelId = source.modelId;
        params.mode = mode;
        params.callbackGasLimit = source.callbackGasLimit;
        params.verifierVersion = version;
        params.deadline = uint64(block.timestamp) + source.timeToLive;
        params.maxDataAge = source.maxDataAge;
        params.maxDeliveryAge = source.maxDeliveryAge;
        params.refundTo = refundTo;
    }

    /// @dev Why an answer is refused before anyone looks at its values; empty if it is not. A verifier is frozen because its
    /// proofs may be false: then a callback that comes later than the proof's check is refused.
    function _refusal(bytes32 id, Pending memory pending, Entry storage entry, IDodonaOracle.Answer calldata answer)
        private
        view
        returns (bytes memory)
    {
        if (answer.modelId != entry.source.modelId) {
            return abi.encodeWithSelector(ModelMismatch.selector, entry.source.modelId, answer.modelId);
        }
        if (!answer.inDomain) return abi.encodeWithSelector(NotInDomain.selector, id);
        if (!answer.unsaturated) return abi.encodeWithSelector(Saturated.selector, id);
        uint64 last = _lastObservedAt(pending.entry);
        if (answer.observedAt <= last) {
            return abi.encodeWithSelector(ObservationNotNewer.selector, last, answer.observedAt);
        }
        uint256 maxAge = entry.source.maxDeliveryAge;
        if (block.timestamp > answer.observedAt + maxAge) {
            return abi.encodeWithSelector(AnswerTooOld.selector, block.timestamp - maxAge, answer.observedAt);
        }
        if (answer.fulfilledAt != block.timestamp && _router.isFrozen(pending.version)) {
            return abi.encodeWithSelector(VerifierFrozen.selector, pending.version);
        }
        return "";
    }

    /// @dev Outputs as whole units, halves rounded up. `decimals` is within ±18.
    function _toUnits(int64[] calldata outputs, int8 decimals)
        private
        pure
        returns (uint256[] memory values, bytes memory reason)
    {
        uint256 factor = 10 ** uint256(int256(decimals < 0 ? -decimals : decimals));
        values = new uint256[](outputs.length);
        for (uint256 i = 0; i < outputs.length; ++i) {
            if (outputs[i] < 0) {
                return (values, abi.encodeWithSelector(NegativeValue.selector, i, int256(outputs[i])));
            }
            uint256 value = uint256(int256(outputs[i]));
            values[i] = decimals < 0 ? value * factor : (value + factor / 2) / factor;
        }
    }
}
